/** A Qdrant cluster, a plan for it and the progress of a copy, as text and as JSON. */
import type { TerminalStyle } from '../report/palette.ts'
import { table } from '../report/table.ts'
import { formatSize } from '../stack/units.ts'
import type { CopyProgress } from '../targets/qdrant/copy.ts'
import type { VectorPlan } from '../targets/qdrant/plan.ts'
import { type ClusterView, type CollectionView, troublesOf } from '../targets/qdrant/view.ts'

export function clusterText(view: ClusterView, style: TerminalStyle): string {
  const { raft, peers, collections } = view
  const leader = peers.find(({ id }) => id === raft.leader)?.name ?? 'none'
  const nodes = table(
    [
      { head: 'node', cell: ({ name }) => name },
      { head: 'state', cell: ({ up }) => (up ? 'up' : 'down') },
      {
        head: 'shards',
        cell: ({ id }) =>
          String(collections.flatMap(({ copies }) => copies).filter(({ peer }) => peer === id).length),
        align: 'right',
      },
      {
        head: 'memory',
        cell: ({ memoryBytes }) =>
          memoryBytes === null ? '–' : formatSize(Math.round(memoryBytes / 1e6) * 1e6),
        align: 'right',
        priority: 1,
      },
      { head: 'peer', cell: ({ id }) => id, align: 'right', priority: 2 },
      { head: 'URI', cell: ({ uri }) => uri, priority: 3 },
    ],
    peers,
    style,
  )
  return [
    `raft: term ${raft.term}, leader ${leader}, commit ${raft.commit}, ${raft.pending} pending`,
    '',
    ...nodes,
    ...collections.flatMap((collection) => collectionLines(collection, view, style)),
    ...troublesOf(view).flatMap((trouble, index) => [...(index === 0 ? [''] : []), trouble]),
    '',
  ].join('\n')
}

function collectionLines(
  { name, aliases, shards, replication, copies, transfers }: CollectionView,
  { peers }: ClusterView,
  style: TerminalStyle,
): string[] {
  const nameOf = (peer: string) => peers.find(({ id }) => id === peer)?.name ?? `peer ${peer}`
  const also = aliases.length === 0 ? '' : `, also ${aliases.join(', ')}`
  const rows = [...Map.groupBy(copies, ({ shard }) => shard)].map(([shard, its]) => ({ shard, its }))
  return [
    '',
    `${name}${also}: ${shards} shards, ${replication === null ? 'replication not told while a shard cannot be read' : `replication ${replication}`}`,
    ...table(
      [
        { head: 'shard', cell: ({ shard }) => String(shard), align: 'right' },
        {
          head: 'points',
          cell: ({ its }) => its.map(({ points }) => points ?? '–').join(' '),
          align: 'right',
          priority: 1,
        },
        {
          head: 'copies',
          cell: ({ its }) => its.map(({ peer, state }) => `${nameOf(peer)} ${state}`).join(', '),
        },
      ],
      rows,
      style,
    ),
    ...transfers.map(
      ({ shard, from, to, comment }) =>
        `shard ${shard} goes from ${nameOf(from)} to ${nameOf(to)}${comment === '' ? '' : `: ${comment}`}`,
    ),
  ]
}

/** Ids of peers are texts: they exceed what a number of JSON holds for most readers. */
export function clusterJson(view: ClusterView): string {
  return `${JSON.stringify({ schema: 'ragscale.vector/1', ...view, troubles: troublesOf(view) })}\n`
}

export function vectorPlanText({ steps, notes }: VectorPlan): string {
  const lines = steps.map(({ what, because }, index) => `${index + 1}. ${what}\n   because ${because}\n`)
  const nothing = steps.length === 0 ? 'nothing to do\n' : ''
  return `${lines.join('')}${nothing}${notes.map((note) => `note: ${note}\n`).join('')}`
}

export function vectorPlanJson(schema: string, { steps, notes }: VectorPlan, more: object = {}): string {
  const told = steps.map(({ kind, what, because }) => ({ kind, what, because }))
  return `${JSON.stringify({ schema, steps: told, notes, ...more })}\n`
}

export function copyLine({ pass, done, total, written }: CopyProgress): string {
  const share = total === 0 ? 100 : Math.floor((done / total) * 100)
  return `pass ${pass}: ${done} of ${total} points (${share} %), ${written} written`
}
