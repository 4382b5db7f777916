import type { GlobalOptions } from '../cli.ts'
import { ExitCode } from '../errors.ts'
import { readStackOn } from '../loop/change-command.ts'
import { replicaTable } from '../loop/replica-table.ts'
import { stackJson } from '../loop/stack-view.ts'
import { styleOf } from '../loop/terminal-style.ts'
import type { Runtime } from '../runtime.ts'
import type { Target } from '../stack/stack.ts'

export interface StatusOptions extends GlobalOptions {
  readonly target?: Target
}

/** Every replica as it is now. Exit 0 when all are healthy, 4 when one is not or nothing runs. */
export async function status(options: StatusOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target } = await readStackOn(options, runtime)
  const observed = await target.observe(stack)
  const allHealthy = observed.running && observed.replicas.every(({ state }) => state === 'healthy')
  const exitCode = allHealthy ? ExitCode.ok : ExitCode.unhealthy
  const { stdout } = runtime
  if (options.json) {
    stdout.write(stackJson('ragscale.status/1', { stack, observed, endpoints: target.endpoints(observed) }))
    return exitCode
  }
  const where = whereOf(stack.target, observed.running)
  stdout.write(`${stack.name} ${where}\n`)
  const style = styleOf(stdout, runtime, options.color)
  if (observed.replicas.length > 0) {
    stdout.write(`\n${replicaTable(observed.replicas, runtime.now(), style).join('\n')}\n`)
  }
  const troubled = observed.replicas.filter(({ state, because }) => state !== 'healthy' && because !== null)
  const troubles = troubled.map(({ name, state, because }) => `${name} is ${state}: ${because}`)
  const notes = [...troubles, ...observed.notes].map((line) => `${line}\n`)
  if (notes.length > 0) stdout.write(`\n${notes.join('')}`)
  return exitCode
}

function whereOf(target: Target, running: boolean): string {
  if (running) return `runs (${target})`
  return target === 'external' ? 'does not answer (external)' : 'does not run: ragscale up starts it'
}
