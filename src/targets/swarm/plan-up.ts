/** What to do to come from what runs in the swarm to what is wanted. Pure. */
import { join } from 'node:path'
import { ExitCode, UserError } from '../../errors.ts'
import { conflictsAmong, hasDrift } from '../../deployed/plan.ts'
import type { WantedService } from './model.ts'
import { differences } from './differences.ts'
import type { FoundService } from './found.ts'
import { labelSteps } from './node-labels.ts'
import type { Places } from './places.ts'
import type { SwarmObserved, SwarmStep } from './steps.ts'
import { isCurrent, slotsOf } from './tasks.ts'

/** Whose word the file is. */
export const theFile = 'ragscale.yaml'

/**
 * @param by whose word the counts are, for the causes
 * @throws UserError where somebody has to do something first: a secret, an image, a label, an edited file
 */
export function planUp(observed: SwarmObserved, places: Places, by: string): SwarmStep[] {
  const { swarm, wanted, stack } = observed
  const found = new Map(swarm.services.map((service) => [service.name, service]))
  const services = wanted.model.services.flatMap((service) =>
    stepsTo(service, found.get(service.name), observed, by),
  )
  const gone = swarm.services
    .filter(({ name }) => !wanted.model.services.some((service) => service.name === name))
    .map((service): SwarmStep => {
      const because = `${by} asks for it no longer`
      return { kind: 'change', name: null, what: `stop ${service.name}`, because, tier: tierOf(service) }
    })
  const changes = [...services, ...gone]
  const deploys = changes.some(({ kind }) => kind === 'change')
  if (deploys) refuseUnbuilt(observed)
  return [
    ...fileSteps(observed, places, by, deploys),
    ...(deploys ? secretSteps(observed) : []),
    ...(deploys ? labelSteps(observed) : []),
    ...changes.filter(({ kind }) => kind !== 'await'),
    ...(deploys
      ? [
          {
            kind: 'deploy',
            stack,
            document: wanted.model.document,
            cwd: places.swarm,
            what: `docker stack deploy ${stack}`,
            because: 'it makes these changes, each service by its own rolling update',
            tier: null,
          } as const,
        ]
      : []),
    ...changes.filter(({ kind }) => kind === 'await'),
    ...staleSteps(observed, deploys),
  ]
}

function stepsTo(
  service: WantedService,
  now: FoundService | undefined,
  observed: SwarmObserved,
  by: string,
): SwarmStep[] {
  const { name, tier, mode, replicas, component } = service
  const step = (what: string, because: string): SwarmStep[] => [{ kind: 'change', name, what, because, tier }]
  const many = mode === 'replicated' && replicas > 1 ? `${replicas} × ` : ''
  if (now === undefined) {
    const because = observed.running ? `${by} asks for it` : 'nothing of this stack runs'
    return mode.endsWith('job')
      ? step(`run ${name}`, because)
      : step(`start ${name} (${many}${component})`, because)
  }
  const recount = now.replicas !== replicas && mode === 'replicated' && now.mode === mode
  const counted = `${by} asks for ${replicas} of ${service.workload}, ${now.replicas} ${now.replicas === 1 ? 'runs' : 'run'}`
  const differs = differences(service, now)
  if (differs.length > 0) {
    const because = [...(recount ? [counted] : []), `changed: ${differs.join(', ')}`].join('; ')
    return step(mode.endsWith('job') ? `run ${name} again` : `update ${name}`, because)
  }
  if (recount) {
    const what = `scale ${name} from ${now.replicas} to ${replicas}`
    return [{ kind: 'scale', service: now.id, name, replicas, what, because: counted, tier }]
  }
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

/** Files as rendered: into `deploy/` for what the file says, beside it for anything else. */
function fileSteps({ wanted }: SwarmObserved, places: Places, by: string, deploys: boolean): SwarmStep[] {
  const { comparison } = wanted
  if (by !== theFile) {
    if (!deploys) return []
    const files = [...comparison.rendered]
      .filter(([path]) => path.startsWith('swarm/') && !/\.(md|gitignore)$/.test(path))
      .map(([path, text]) => ({ path: join(places.state, path.slice('swarm/'.length)), text }))
    const because = `${by} goes beside ragscale.yaml, which stays as it is, and so does deploy/`
    return [{ kind: 'write-state', files, what: 'write .ragscale/swarm/', because, tier: null }]
  }
  if (conflictsAmong(comparison.changes).length > 0 || !hasDrift(comparison.changes)) return []
  const written = comparison.changes.filter(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
  const [first] = written
  const more = written.length > 1 ? ` (and ${written.length - 1} more)` : ''
  const isFirst = written.every(({ kind }) => kind === 'wrote')
  return [
    {
      kind: 'write',
      comparison,
      what: `write deploy/${first?.path ?? ''}${more}`,
      because: isFirst ? 'deploy/ has nothing for a swarm yet' : 'ragscale.yaml has changed since',
      tier: null,
    },
  ]
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
