/** Another configuration for a balancer that runs: it loses no request. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Balancing } from '../../catalog/balancing.ts'
import { UserError } from '../../errors.ts'
import type { Engine } from '../docker/engine.ts'
import { lastLines } from '../docker/logs.ts'
import { writeState, recordLoaded } from './state-folder.ts'
import type { RunningBalancer } from './steps.ts'

/** Within this it has said what it does not like about a configuration. */
const saidWithinMs = 1_000
const complaint = /\[(emerg|ALERT)\]/

/** @throws UserError where it refuses the configuration, and goes on with the one before */
export async function reloadBalancer(
  engine: Engine,
  folder: string,
  { id, startedAt, path, reload }: RunningBalancer,
  { text, balancing }: { readonly text: string; readonly balancing: Balancing },
): Promise<void> {
  const container = engine.docker.getContainer(id)
  await writeState(folder, new Map([[path, text]]), [], new Set([path]))
  if (reload.prepare !== undefined) {
    const exec = await container.exec({ Cmd: [...reload.prepare], AttachStdout: true, AttachStderr: true })
    const stream = await exec.start({ hijack: false, stdin: false })
    for await (const _ of stream);
  }
  const since = Date.now()
  await container.kill({ signal: reload.signal })
  await sleep(saidWithinMs)
  const said = await lastLines(engine, id, { lines: 50, since })
  const refused = said.find((line) => complaint.test(line))
  if (refused !== undefined) {
    throw new UserError(`the balancer does not take its new configuration: ${refused}`, {
      hint: 'It goes on with the one before. ragscale logs balancer shows all of it.',
      code: 'balancer',
    })
  }
  await recordLoaded(folder, { id, startedAt }, { text, balancing })
}
