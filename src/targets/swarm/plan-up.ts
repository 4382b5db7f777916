/** What to do to come from what runs in the swarm to what is wanted. Pure. */
import { ExitCode, UserError } from '../../errors.ts'
import { refuseMembers } from '../qdrant/refusals.ts'
import { byRollout } from '../rollout.ts'
import { untold } from './balancers.ts'
import type { WantedService } from './model.ts'
import { differences } from './differences.ts'
import type { FoundService } from './found.ts'
import { labelSteps } from './node-labels.ts'
import { filesBeside, renderedSteps } from './files.ts'
import type { Places } from './places.ts'
import type { SwarmObserved, SwarmStep } from './steps.ts'
import { isCurrent, slotsOf } from './tasks.ts'
import { isVectorNode } from './vector-nodes.ts'

/** Whose word the file is. */
export const theFile = 'ragscale.yaml'

/**
 * @param by whose word the counts are, for the causes
 * @throws UserError where somebody has to do something first: a secret, an image, a label, an edited file
 */
export function planUp(observed: SwarmObserved, places: Places, by: string): SwarmStep[] {
  const { swarm, wanted, stack } = observed
  const found = new Map(swarm.services.map((service) => [service.name, service]))
  const leaving = swarm.services.filter(
    ({ name }) => !wanted.model.services.some((service) => service.name === name),
  )
  refuseMembers(leaving.map(({ name }) => name).filter(isVectorNode), observed.shards)
  const gone = leaving.map((service): ServiceStep => {
    const because = `${by} asks for it no longer`
    return { kind: 'change', name: null, what: `stop ${service.name}`, because, tier: tierOf(service) }
  })
  const comes = wanted.model.services.some(({ name }) => !found.has(name))
  // Other counts alone are told one by one: nothing else is changed on the way, whatever the files say by now.
  const onlyCounts = by !== theFile && by !== byRollout && !comes && gone.length === 0
  const changes = [
    ...wanted.model.services.flatMap((service): ServiceStep[] => {
      const now = found.get(service.name)
      if (now === undefined) return [start(service, observed, by)]
      const scaled = scale(service, now, by)
      if (onlyCounts) return scaled
      const updated = update(service, now, scaled)
      return updated.length > 0 ? updated : scaled.length > 0 ? scaled : wait(service, now, observed)
    }),
    ...gone,
  ]
  const deploys = changes.some(({ kind }) => kind === 'change')
  if (deploys) refuseUnbuilt(observed)
  const beside = by === theFile || !deploys ? null : filesBeside(observed, places, by)
  const deploy: SwarmStep = {
    kind: 'deploy',
    stack,
    document: beside?.document ?? wanted.model.document,
    cwd: places.swarm,
    what: `docker stack deploy ${stack}`,
    because: 'it makes these changes, each service by its own rolling update',
    tier: null,
  }
  const told = onlyCounts ? [] : reloadSteps(observed, by, changes)
  const before = (step: SwarmStep): boolean => step.kind === 'reload' && step.when === 'before'
  return [
    ...(by === theFile ? renderedSteps(observed) : beside === null ? [] : [beside.step]),
    ...(deploys ? secretSteps(observed) : []),
    ...labelSteps(observed),
    ...told.filter(before),
    ...changes.filter(({ kind }) => kind !== 'await'),
    ...(deploys ? [deploy] : []),
    ...changes.filter(({ kind }) => kind === 'await'),
    ...told.filter((step) => !before(step)),
    ...staleSteps(observed, deploys),
  ]
}

type ServiceStep = Extract<SwarmStep, { kind: 'change' | 'scale' | 'await' }>

function start(
  { name, tier, mode, replicas, component }: WantedService,
  { running }: SwarmObserved,
  by: string,
): ServiceStep {
  const many = mode === 'replicated' && replicas > 1 ? `${replicas} × ` : ''
  const what = mode.endsWith('job') ? `run ${name}` : `start ${name} (${many}${component})`
  return {
    kind: 'change',
    name,
    what,
    because: running ? `${by} asks for it` : 'nothing of this stack runs',
    tier,
  }
}

function scale(
  { name, workload, tier, mode, replicas }: WantedService,
  now: FoundService,
  by: string,
): ServiceStep[] {
  if (now.replicas === replicas || mode !== 'replicated' || now.mode !== mode) return []
  const because = `${by} asks for ${replicas} of ${workload}, ${now.replicas} ${now.replicas === 1 ? 'runs' : 'run'}`
  const what = `scale ${name} from ${now.replicas} to ${replicas}`
  return [{ kind: 'scale', service: now.id, name, replicas, what, because, tier }]
}

function update(service: WantedService, now: FoundService, scaled: readonly ServiceStep[]): ServiceStep[] {
  const { name, tier, mode } = service
  const differs = differences(service, now)
  if (differs.length === 0) return []
  const what = mode.endsWith('job') ? `run ${name} again` : `update ${name}`
  const because = [...scaled.map((step) => step.because), `changed: ${differs.join(', ')}`].join('; ')
  return [{ kind: 'change', name, what, because, tier }]
}

function wait({ name, tier }: WantedService, now: FoundService, observed: SwarmObserved): ServiceStep[] {
  const because = unsettled(now, observed)
  return because === null ? [] : [{ kind: 'await', name, what: `wait for ${name}`, because, tier }]
}

/** Why a service that is as it should be does not run as it should; null when it does. */
export function unsettled(service: FoundService, { swarm }: Pick<SwarmObserved, 'swarm'>): string | null {
  const { mode, replicas, update } = service
  if (update !== null && ['updating', 'rollback_started'].includes(update.state))
    return update.state === 'updating' ? 'a rolling update is under way' : 'it is being rolled back'
  const slots = slotsOf(service, swarm)
  const last = slots.map((tasks) => tasks[0])
  if (mode.endsWith('job')) {
    const done = last.filter((task) => task?.state === 'complete' && isCurrent(task, service)).length
    return done >= Math.max(1, mode === 'global-job' ? slots.length : replicas)
      ? null
      : 'it has not run to its end'
  }
  const running = slots.filter((tasks) =>
    tasks.some((task) => task.state === 'running' && task.desired === 'running' && isCurrent(task, service)),
  ).length
  const asked = mode === 'global' ? swarm.nodes.filter(({ ready }) => ready).length : replicas
  return running >= asked ? null : `${running} of ${asked} ${asked === 1 ? 'is' : 'are'} healthy`
}

function tierOf({ labels, name }: FoundService): string {
  return labels['com.ragscale.tier'] ?? name
}

function secretSteps({ wanted }: SwarmObserved): SwarmStep[] {
  const given = wanted.missing.filter(({ kind }) => kind === 'given')
  if (given.length > 0) {
    const names = given.map(({ name }) => name).join(', ')
    throw new UserError(`${given.length === 1 ? 'a secret is' : 'secrets are'} missing: ${names}`, {
      hint: given.map(({ file }) => `cat > ${file}   # paste it, then Ctrl-D`).join('\n'),
      exitCode: ExitCode.missing,
      code: 'secret',
    })
  }
  return wanted.missing.map((secret): SwarmStep => {
    const [what, because] =
      secret.kind === 'generated'
        ? [`make the secret ${secret.name}`, 'it is not there, and only this stack has to know it']
        : [`leave the secret ${secret.name} empty`, 'it is not there, and nothing needs it to start']
    return { kind: 'secret', secret, what, because, tier: null }
  })
}

function refuseUnbuilt({ wanted }: SwarmObserved): void {
  const [image] = wanted.unbuilt
  if (image === undefined) return
  throw new UserError(`this engine has no image ${image}, and nobody publishes it`, {
    hint: `docker build --tag ${image} deploy/image   builds it; or name one of a registry as tiers.<tier>.image`,
    exitCode: ExitCode.missing,
    code: 'image',
  })
}

/**
 * Shares are told to balancers that go on running: when who is to be sent requests has come, and before who is to be
 * sent none goes. One that is replaced begins with what the stack file says.
 * @throws UserError (exit 3) where shares cannot be told to one
 */
function reloadSteps(
  { balancers, wanted: { balancing } }: SwarmObserved,
  by: string,
  changes: readonly ServiceStep[],
): SwarmStep[] {
  if (balancing === null || changes.some(({ kind, name }) => kind === 'change' && name === 'balancer'))
    return []
  const obstacle = balancing.splits ? untold(balancers) : null
  if (obstacle !== null) {
    throw new UserError(obstacle.why, {
      hint: obstacle.hint,
      exitCode: ExitCode.missing,
      code: 'balancer-elsewhere',
    })
  }
  const leaves = changes.some(({ name }) => name === null)
  return balancers
    .filter(({ text }) => text !== null && text !== balancing.text)
    .map((balancer) => ({
      kind: 'reload',
      when: leaves || !balancing.splits ? 'before' : 'after',
      balancer,
      balancing,
      what: `reconfigure ${balancer.name}`,
      because: `${by} changes where it sends requests`,
      tier: null,
    }))
}

/** Configs and secrets of before, which a swarm keeps until it is told. None is in use once this is deployed. */
function staleSteps({ leftovers, wanted, swarm }: SwarmObserved, deploys: boolean): SwarmStep[] {
  const used = new Set(
    deploys ? [] : swarm.services.flatMap(({ configs, secrets }) => [...configs, ...secrets]),
  )
  const asked = new Set([...wanted.model.configs, ...wanted.model.secrets.map(({ name }) => name)])
  const unused = (names: readonly string[]): string[] =>
    names.filter((name) => !used.has(name) && !asked.has(name))
  return [
    ...unused(leftovers.configs).map((name): SwarmStep => stale('config', name)),
    ...unused(leftovers.secrets).map((name): SwarmStep => stale('secret', name)),
  ]
}

function stale(of: 'config' | 'secret', name: string): SwarmStep {
  return {
    kind: 'remove',
    of,
    name,
    what: `remove the ${of} ${name}`,
    because: 'nothing reads it any longer',
    tier: null,
  }
}
