/** Files for what is deployed: in `deploy/` what the file says, beside it anything else. Pure. */
import { join } from 'node:path'
import { conflictsAmong, hasDrift } from '../../deployed/plan.ts'
import type { Places } from './places.ts'
import type { SwarmObserved, SwarmStep } from './steps.ts'

/** What `deploy/` lacks of what the file says; nothing where a user has to be asked first. */
export function renderedSteps({ wanted }: SwarmObserved): SwarmStep[] {
  const { comparison } = wanted
  if (conflictsAmong(comparison.changes).length > 0 || !hasDrift(comparison.changes)) return []
  const written = comparison.changes.filter(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
  const more = written.length > 1 ? ` (and ${written.length - 1} more)` : ''
  const isFirst = written.every(({ kind }) => kind === 'wrote')
  return [
    {
      kind: 'write',
      comparison,
      what: `write deploy/${written[0]?.path ?? ''}${more}`,
      because: isFirst ? 'deploy/ has nothing for a swarm yet' : 'ragscale.yaml has changed since',
      tier: null,
    },
  ]
}

/** What runs where that is not what the file says: the document to deploy, and the step that writes what it reads. */
export function filesBeside(
  { wanted }: SwarmObserved,
  places: Places,
  by: string,
): { readonly step: SwarmStep; readonly document: string } {
  const files = [...wanted.comparison.rendered]
    .filter(([path]) => path.startsWith('swarm/') && !path.endsWith('.md') && !path.endsWith('.gitignore'))
    .map(([path, text]) => ({ inner: path.slice('swarm/'.length), text }))
  const moved = new Map(files.map(({ inner }) => [join(places.swarm, inner), join(places.state, inner)]))
  const document: unknown = JSON.parse(wanted.model.document, (key, value: unknown) =>
    key === 'file' && typeof value === 'string' ? (moved.get(value) ?? value) : value,
  )
  return {
    document: JSON.stringify(document),
    step: {
      kind: 'write-state',
      files: files.map(({ inner, text }) => ({ path: join(places.state, inner), text })),
      what: 'write .ragscale/swarm/',
      because: `${by} leaves ragscale.yaml and deploy/ as they are`,
      tier: null,
    },
  }
}
