/** What the balancers of a stack go by, and another configuration for them while they run: no request is lost by it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Reload } from '../../catalog/component.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { BalancerPlaces } from '../../render/swarm/balancer.ts'
import { type Engine, engineNowMs } from '../docker/engine.ts'
import { runIn } from '../docker/exec.ts'
import { lastLines } from '../docker/logs.ts'
import type { FoundSwarm } from './found.ts'

/** What all of them should go by. */
export interface WantedBalancing extends BalancerPlaces {
  readonly text: string
  readonly reload: Reload
  /** Whether requests are shared out between two versions of a tier. */
  readonly splits: boolean
}

/** One that runs. */
export interface FoundBalancer {
  readonly name: string
  readonly container: string
  /** The name of its node. */
  readonly node: string
  /** The configuration that it goes by; null where it cannot be asked, as only an engine's own containers can. */
  readonly text: string | null
}

/** Within this it has said what it does not like about a configuration. */
const saidWithinMs = 1_000
const complaint = /\[(emerg|ALERT)\]/
const askMs = 10_000

/** Those that serve, in the order of their names. */
export async function findBalancers(
  swarm: FoundSwarm,
  engine: Engine,
  places: BalancerPlaces | null,
): Promise<FoundBalancer[]> {
  const service = swarm.services.find(({ name }) => name === 'balancer')
  if (service === undefined || places === null) return []
  const tasks = swarm.tasks.filter(
    (task) => task.service === service.id && task.state === 'running' && task.desired === 'running',
  )
  const found = await Promise.all(
    tasks.map(async ({ node, container, slot }) => ({
      name: `balancer-${slot ?? 1}`,
      container: container ?? '',
      node: swarm.nodes.find(({ id }) => id === node)?.name ?? 'a node that is gone',
      text:
        container === null || node !== swarm.node ? null : await configurationOf(engine, container, places),
    })),
  )
  return found.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** What it has taken up since it began; else what it began with. */
async function configurationOf(
  engine: Engine,
  container: string,
  { begins, reads }: BalancerPlaces,
): Promise<string | null> {
  const shown = `cat ${takenUp(reads)} 2>/dev/null || cat ${begins}`
  return await runIn(engine, container, ['sh', '-c', shown], askMs).then(
    ({ exitCode, output }) => (exitCode === 0 ? output : null),
    // It has just ended.
    () => null,
  )
}

function takenUp(reads: string): string {
  return `${reads}.taken-up`
}

/**
 * Writes what it is to read, whole or not at all, has it read that, and notes that it did: killed in between, it is told
 * again. @throws UserError where it refuses the configuration, and goes on with the one before
 */
export async function tellBalancer(
  engine: Engine,
  { name, container }: FoundBalancer,
  { text, reads, reload }: WantedBalancing,
): Promise<void> {
  const written = `printf %s "$1" > ${reads}.new && mv ${reads}.new ${reads}`
  const { exitCode, output } = await runIn(engine, container, ['sh', '-c', written, 'sh', text], askMs)
  if (exitCode !== 0) throw refusedBy(name, output.trim())
  if (reload.prepare !== undefined) await runIn(engine, container, reload.prepare, askMs)
  const since = await engineNowMs(engine)
  await engine.docker.getContainer(container).kill({ signal: reload.signal })
  await sleep(saidWithinMs)
  const said = await lastLines(engine, container, { lines: 50, since })
  const refusal = said.find((line) => complaint.test(line))
  if (refusal !== undefined) throw refusedBy(name, refusal)
  await runIn(engine, container, ['cp', reads, takenUp(reads)], askMs)
}

function refusedBy(name: string, said: string): UserError {
  return new UserError(`${name} does not take its new configuration: ${said}`, {
    hint: 'It goes on with the one before. ragscale logs balancer shows all of it.',
    exitCode: ExitCode.failed,
    code: 'balancer',
  })
}

/** Why shares cannot be told to all of them, and what to do; null: they can. */
export function untold(found: readonly FoundBalancer[]): { why: string; hint: string } | null {
  const elsewhere = found.filter(({ text }) => text === null)
  if (elsewhere.length === 0) return null
  const where = elsewhere.map(({ name, node }) => `${name} on node ${node}`).join(', ')
  return {
    why: `shares cannot be told to ${where}: an engine reaches the containers of its own node alone`,
    hint: 'Speak to the manager on whose node the balancer runs (DOCKER_HOST, docker context use), with balancer.replicas: 1; or place it here by a constraint in deploy/swarm/stack.override.yaml, then ragscale up',
  }
}
