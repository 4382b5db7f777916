/** Another configuration for a balancer that runs: it loses no request. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Container } from 'dockerode'
import type { Balancing } from '../../catalog/balancing.ts'
import { UserError } from '../../errors.ts'
import { type Engine, engineNowMs } from '../docker/engine.ts'
import { lastLines } from '../docker/logs.ts'
import { writeState, recordLoaded } from './state-folder.ts'
import type { RunningBalancer } from './steps.ts'

/** Within this it has said what it does not like about a configuration. */
const saidWithinMs = 1_000
const lookEveryMs = 300
const complaint = /\[(emerg|ALERT)\]/

/**
 * Until nobody serves by the configuration before, `mostMs` at most: its workers are those processes that had no
 * children when it was told to read another, and end with the last connection that a client keeps.
 */
export type Lingering = (mostMs: number, signal: AbortSignal) => Promise<void>

/** @throws UserError where it refuses the configuration, and goes on with the one before */
export async function reloadBalancer(
  engine: Engine,
  folder: string,
  { id, startedAt, path, reload }: RunningBalancer,
  { text, balancing }: { readonly text: string; readonly balancing: Balancing },
): Promise<Lingering> {
  const container = engine.docker.getContainer(id)
  await writeState(folder, new Map([[path, text]]), [], new Set([path]))
  if (reload.prepare !== undefined) {
    const exec = await container.exec({ Cmd: [...reload.prepare], AttachStdout: true, AttachStderr: true })
    const stream = await exec.start({ hijack: false, stdin: false })
    for await (const _ of stream);
  }
  const workers = childless(await processesOf(container))
  const [since, toldMs] = [await engineNowMs(engine), Date.now()]
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
  return async (mostMs, signal) => {
    const untilMs = toldMs + mostMs
    for (let left = workers; left.length > 0 && Date.now() < untilMs;) {
      await sleep(lookEveryMs, undefined, { signal })
      const now = await processesOf(container)
      left = left.filter(({ pid }) => now.length === 0 || now.some((one) => one.pid === pid))
    }
    if (workers.length === 0) await sleep(Math.max(0, untilMs - Date.now()), undefined, { signal })
  }
}

interface Process {
  readonly pid: string
  readonly parent: string
}

function childless(processes: readonly Process[]): Process[] {
  return processes.filter(({ pid }) => !processes.some(({ parent }) => parent === pid))
}

/** Empty where the engine cannot say. */
async function processesOf(container: Container): Promise<Process[]> {
  const told = await container.top({ ps_args: '-eo pid,ppid' }).catch(() => null)
  const processes = told as { readonly Processes: readonly (readonly string[])[] } | null
  return (processes?.Processes ?? []).map(([pid = '', parent = '']) => ({ pid, parent }))
}
