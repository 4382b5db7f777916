/** Of a plan: files, secrets and images, before containers change. Pure. */
import { conflictsAmong, hasDrift } from '../../deployed/plan.ts'
import type { ComposeObserved, PlannedStep } from './steps.ts'

/** Files and secrets, before anything reads them. */
export function filesFirst({ comparison, departs, secrets }: ComposeObserved, by: string): PlannedStep[] {
  return [
    ...(departs ? [] : written(comparison, by)),
    ...secrets.filter(({ there }) => !there).map(secretStep),
  ]
}

function written(comparison: ComposeObserved['comparison'], by: string): PlannedStep[] {
  const changes = comparison.changes.filter(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
  if (!hasDrift(comparison.changes) || conflictsAmong(changes).length > 0) return []
  const [first] = changes
  const main = changes.find(({ path }) => path === 'compose/compose.yaml') ?? first
  if (main === undefined) return []
  const more = changes.length === 1 ? '' : ` (and ${changes.length - 1} more)`
  const fresh = changes.every(({ kind }) => kind === 'wrote')
  return [
    {
      kind: 'write',
      comparison,
      what: `write deploy/${main.path}${more}`,
      because: fresh ? 'nothing was rendered yet' : `it is not what ${by} says`,
      tier: null,
    },
  ]
}

function secretStep({ name, optional, readBy }: ComposeObserved['secrets'][number]): PlannedStep {
  const readers = readBy.join(', ')
  return optional
    ? {
        kind: 'secret',
        name,
        empty: true,
        what: `leave the secret ${name} empty`,
        because: `${readers} can do without it`,
        tier: null,
      }
    : {
        kind: 'secret',
        name,
        empty: false,
        what: `make the secret ${name}`,
        because: `${readers} needs it`,
        tier: null,
      }
}

/** What is not there yet: each image once. */
export function imagesFor(
  { wanted, images }: ComposeObserved,
  touched: ReadonlySet<string>,
): PlannedStep[][] {
  const missing = [...touched].filter((image) => image !== '' && images[image] === null)
  const steps = missing.map((image): PlannedStep => {
    const services = wanted.filter((service) => service.image === image)
    const [service] = services
    const because = `${[...new Set(services.map(({ workload }) => workload))].join(', ')}: it is not on this engine`
    return service?.build === null || service === undefined
      ? { kind: 'pull', image, what: `pull ${image}`, because, tier: null }
      : {
          kind: 'build',
          service: service.name,
          image,
          context: service.build.context,
          what: `build ${image}`,
          because,
          tier: null,
        }
  })
  return [steps]
}

/** What Compose and containers read below the state folder. */
export function placed({ applied, state, departs }: ComposeObserved, reloads: boolean): PlannedStep[] {
  const { files, balancer } = applied
  const later = reloads ? balancer?.path : undefined
  const changed = [...files].filter(([path, text]) => path !== later && state.get(path) !== text)
  const removed = [...state.keys()].filter((path) => !files.has(path))
  if (changed.length + removed.length === 0) return []
  return [
    {
      kind: 'place',
      files: new Map(changed),
      removed,
      inPlace: new Set(balancer === null ? [] : [balancer.path]),
      what: 'write .ragscale/compose',
      because: departs
        ? 'deploy/ stays what ragscale.yaml says'
        : 'what runs reads a part of its configuration there',
      tier: null,
    },
  ]
}
