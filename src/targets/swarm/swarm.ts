import { servingComponent } from '../../catalog/catalog.ts'
import { vectorKeyEnv } from '../../catalog/reference/upstreams.ts'
import { balancerPorts } from '../../catalog/container.ts'
import { conflictsAmong } from '../../deployed/plan.ts'
import { refused } from '../../deployed/conflicts.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import type { EndpointName, Stack } from '../../stack/stack.ts'
import { lockChanges } from '../change-lock.ts'
import type { Env } from '../docker/context.ts'
import { untilEngineIsBack } from '../docker/away.ts'
import { type Engine, openEngine } from '../docker/engine.ts'
import { reloadRefusal } from '../rollout.ts'
import { endpointTiers } from '../endpoint-tiers.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { Sampler } from '../sampling/sampler.ts'
import type {
  ExecuteOptions,
  LockOptions,
  LogLine,
  LogOptions,
  Observed,
  RolloutTarget,
  RunningEndpoints,
  StackTarget,
  Step,
} from '../target.ts'
import { untold } from './balancers.ts'
import { sampledReplicas, withoutPartial } from './containers.ts'
import { Execution } from './execute.ts'
import { findSwarm } from './found.ts'
import { readLogs } from './logs.ts'
import { type Around, managerNode, observe, untilManaged, vectorKey } from './observe.ts'
import { type Places, placesOf } from './places.ts'
import { planDown } from './plan-down.ts'
import { planUp, theFile } from './plan-up.ts'
import { untilReachable } from './reachable.ts'
import { publishedUrls } from './published.ts'
import { refuseForeign, toldOf } from './refusals.ts'
import type { SwarmObserved, SwarmStep } from './steps.ts'
import { isVectorNode, vectorNodes } from './vector-nodes.ts'

/** A stack as Docker Swarm runs it, told through a manager. */
export function swarmTarget(stack: Stack, env: Env): StackTarget {
  return new SwarmTarget(stack, env)
}

class SwarmTarget implements StackTarget {
  readonly name = 'swarm'
  readonly #places: Places
  readonly #env: Env
  readonly #folder: string
  readonly #stack: string
  readonly #sampler = new Sampler()
  /** What was looked at last, and through what: what is executed was planned for it. */
  #looked: { readonly stack: Stack; readonly observed: SwarmObserved; readonly engine: Engine } | null = null

  constructor({ folder, name }: Stack, env: Env) {
    this.#places = placesOf(folder)
    this.#env = env
    this.#folder = folder
    this.#stack = name
  }

  async observe(stack: Stack): Promise<SwarmObserved> {
    const around = await this.#around()
    const observed = await observe(stack, around).catch((error: unknown) => {
      throw toldOf(error)
    })
    this.#looked = { stack, observed, engine: around.engine }
    return observed
  }

  /** @throws UserError where a user has edited what it would write, or has to do something first */
  plan(_stack: Stack, observed: Observed, by = theFile): readonly SwarmStep[] {
    const found = observed as SwarmObserved
    refuseForeign(found.stack, found.swarm)
    const conflicts = by === theFile ? conflictsAmong(found.wanted.comparison.changes) : []
    if (conflicts.length > 0) {
      const place = { folder: this.#places.deploy, cwd: this.#folder }
      throw refused(conflicts, place, 'ragscale render --target swarm')
    }
    return planUp(found, this.#places, by)
  }

  planDown(_stack: Stack, observed: Observed, options: { readonly volumes: boolean }): readonly SwarmStep[] {
    return planDown(observed as SwarmObserved, this.#places, options)
  }

  async execute(steps: readonly Step[], options: ExecuteOptions): Promise<void> {
    if (this.#looked === null) throw new Error('observe comes before execute')
    const { stack, observed } = this.#looked
    const around = await this.#around()
    const changes = steps as readonly SwarmStep[]
    await new Execution(around, observed, options).run(changes)
    if (changes.every(({ kind }) => ['stop', 'remove', 'leave', 'label'].includes(kind))) return
    const swarm = await findSwarm(around.engine, stack.name, observed.swarm.node)
    const unreached = await untilReachable(this.#doors(stack, swarm), options.signal)
    for (const url of unreached)
      options.onProgress({
        kind: 'note',
        text: `${url} does not answer yet: the balancer finds nobody behind it`,
      })
  }

  /** An engine that went away is waited for, and after it its swarm, which it joins again by itself. */
  async recover(error: unknown, options: ExecuteOptions): Promise<boolean> {
    if (!(await untilEngineIsBack(error, this.#env, options))) return false
    await untilManaged(await openEngine(this.#env), options.signal)
    return true
  }

  /** What each tier answers through the balancer whatever it holds: its health. */
  #doors(stack: Stack, swarm: SwarmObserved['swarm']): string[] {
    return Object.entries(this.#urls(swarm)).flatMap(([name, urls]) => {
      const tier = endpointTiers[name as EndpointName]
      const path = servingComponent(stack, tier)?.healthPath ?? '/'
      return urls.map((url) => `${url}${path}`)
    })
  }

  /** Of the ports that the balancer publishes: the front door, and with `stages.yaml` the other tiers. */
  endpoints(observed: Observed): RunningEndpoints {
    return this.#urls((observed as SwarmObserved).swarm)
  }

  #urls(swarm: SwarmObserved['swarm']): RunningEndpoints {
    return this.#looked === null ? {} : publishedUrls(swarm, this.#looked.engine.host)
  }

  vectorNodes(observed: Observed): readonly NodeAddress[] {
    const { swarm, addresses } = observed as SwarmObserved
    const nodes = vectorNodes(swarm, addresses)
    // Some of the nodes are worse than none: then all are asked through the tier's endpoint.
    const all = swarm.services.filter(({ name }) => isVectorNode(name))
    return nodes.length === all.length ? nodes : []
  }

  async secrets(stack: Stack): Promise<Readonly<Record<string, string>>> {
    const key = await vectorKey(stack, this.#places)
    return key === null ? {} : { [vectorKeyEnv]: key }
  }

  async sample(): Promise<ReplicaSample[]> {
    if (this.#looked === null) return []
    const { stack, engine, observed } = this.#looked
    try {
      const swarm = await findSwarm(engine, stack.name, observed.swarm.node)
      const samples = await this.#sampler.sample(await sampledReplicas(stack, swarm, engine))
      return withoutPartial(samples, swarm)
    } catch {
      // An engine that is restarted under a load test is no reason to lose the test.
      return []
    }
  }

  async *logs(options: LogOptions): AsyncGenerator<LogLine> {
    const { engine } = await this.#around()
    const swarm = await findSwarm(engine, this.#stack, await managerNode(engine))
    yield* readLogs(swarm, engine, options)
  }

  readonly rollout: RolloutTarget = {
    refusal: (stack) => reloadRefusal(stack),
    obstacle: (stack, tier, observed) => {
      const elsewhere = untold((observed as SwarmObserved).balancers)
      if (elsewhere !== null) return elsewhere
      const balancer = (observed as SwarmObserved).swarm.services.find(({ name }) => name === 'balancer')
      if (balancer?.ports[balancerPorts[tier]] !== undefined) return null
      return {
        why: `the port of ${tier} is not published, and a rollout loads both versions through it`,
        hint: 'cp deploy/swarm/stages.yaml deploy/swarm/stack.override.yaml, then ragscale up: it opens the tiers’ ports, on every address of the balancer’s nodes',
      }
    },
    goBy: (observed) => {
      const { balancers, wanted } = observed as SwarmObserved
      return balancers.every(({ text }) => text === wanted.balancing?.text)
    },
  }

  async lock(what: string, options: LockOptions): Promise<{ release(): Promise<void> }> {
    return await lockChanges(this.#places.lockFile, what, options)
  }

  async #around(): Promise<Around> {
    return { engine: await openEngine(this.#env), places: this.#places, env: this.#env }
  }
}
