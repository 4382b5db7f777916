/** How the kubelet asks a container whether it has started, is ready, and still lives. */
import type { Health } from '../../catalog/container.ts'
import { said, type Tree, type TreeMap } from '../compose/document.ts'

/** Kubernetes' own probes, without an initial delay: the startup probe is what waits. */
export function probesOf(health: Health): TreeMap {
  const { startupSeconds, intervalSeconds, timeoutSeconds, failures } = health
  // Often enough to be ready soon after the start, seldom enough for a model that loads for minutes.
  const startupPeriod = Math.min(10, Math.max(1, Math.round(startupSeconds / 60)))
  const timing = { periodSeconds: intervalSeconds, timeoutSeconds }
  return {
    startup: said(`Up to ${startupSeconds} s to start.`, {
      ...asked(health, false),
      periodSeconds: startupPeriod,
      timeoutSeconds,
      failureThreshold: Math.ceil(startupSeconds / startupPeriod),
    }),
    readiness: { ...asked(health, false), ...timing, failureThreshold: failures },
    liveness: {
      ...asked(health, true),
      ...timing,
      // Twice as patient: a restart costs more than a moment without requests.
      failureThreshold: failures * 2,
    },
  }
}

function asked({ http, livePath, command }: Health, live: boolean): Record<string, Tree> {
  if (http === null) return { exec: { command: [...command] } }
  return { httpGet: { path: live ? (livePath ?? http.path) : http.path, port: http.port } }
}
