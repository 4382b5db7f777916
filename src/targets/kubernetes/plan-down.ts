/** What to do to come from what is on the cluster to nothing. Pure. */
import { assertSamePlace } from './last-place.ts'
import { placeWords } from './place.ts'
import { assertOurs } from './release.ts'
import type { KubernetesObserved, KubernetesStep } from './steps.ts'

/** @throws UserError (exit 2) where kubectl is at another cluster than the one that the stack was brought up in, or the release is not ours */
export function planDown(
  observed: KubernetesObserved,
  { volumes }: { readonly volumes: boolean },
): KubernetesStep[] {
  const { release, replicas, found, secret, place, namespace } = observed
  assertSamePlace(place, observed.last)
  assertOurs(release, place)
  const { name } = release
  const steps: KubernetesStep[] = []
  if (release.revisions.length > 0) {
    steps.push({
      kind: 'uninstall',
      release: name,
      place,
      what: `uninstall release ${name} (${placeWords(place)})`,
      because: 'everything of it goes but its volumes',
      tier: null,
    })
  }
  if (release.revisions.length > 0 || replicas.length > 0) {
    steps.push({
      kind: 'await-end',
      release: name,
      place,
      what: 'wait until nothing of it runs',
      because: 'requests in flight may end',
      tier: null,
    })
  }
  const claims = volumes ? found.claims : []
  if (claims.length > 0) {
    steps.push({
      kind: 'delete',
      objects: claims.map(({ metadata }) => `persistentvolumeclaim/${metadata.name}`),
      place,
      what: `remove ${claims.length === 1 ? 'volume claim' : 'volume claims'} ${claims.map(({ metadata }) => metadata.name).join(', ')}`,
      because: '--volumes',
      tier: null,
    })
  }
  // Data that is kept is opened with the passwords that it was written with.
  if (secret?.ours === true && (volumes || found.claims.length === 0)) {
    steps.push({
      kind: 'delete',
      objects: [`secret/${secret.name}`],
      place,
      what: `remove Secret ${secret.name}`,
      because: 'ragscale made it, and nothing is kept that its passwords belong to',
      tier: null,
    })
  }
  if (namespace.others?.length === 0 && (volumes || found.claims.length === 0)) {
    steps.push({
      kind: 'delete',
      objects: [`namespace/${place.namespace}`],
      place,
      what: `remove namespace ${place.namespace}`,
      because: 'ragscale made it, and nothing else is in it',
      tier: null,
    })
  }
  return steps
}
