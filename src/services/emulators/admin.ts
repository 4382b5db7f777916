import type { Registry } from 'prom-client'
import type { DrawnLog } from './drawn-log.ts'
import { sendJson, sendText } from './http.ts'
import type { Routes } from './http.ts'
import type { Overrun } from './overrun.ts'

/** `/metrics`, and what only an emulated replica can say of itself at `/__ragscale/emulator`. */
export function adminRoutes(of: { registry: Registry; overrun: Overrun; log: DrawnLog }): Routes {
  return {
    'GET /metrics': async ({ response }) =>
      sendText(response, 200, await of.registry.metrics(), of.registry.contentType),
    'GET /__ragscale/emulator': ({ response }) =>
      sendJson(
        response,
        200,
        JSON.stringify({ emulated: true, overrunP99Ms: of.overrun.p99Ms, drawn: of.log.lines }),
      ),
  }
}
