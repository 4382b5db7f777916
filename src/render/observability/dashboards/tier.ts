/** A dashboard of one tier: its stage as the gateway sees it, its replicas, what its component tells, its GPUs. */
import { type WatchedStage, watchedStages } from '../stages.ts'
import { type Job, type Watched, jobOf } from '../watched.ts'
import { type PanelSpec, type RowSpec, inOneLine } from './panel.ts'
import { firstTokenPanel, heatPanel, latencyPanel, ratePanel, stageStats } from './stage-panels.ts'
import { componentRow, replicasPanel, tierStats, usePanels } from './tier-panels.ts'

export interface TierDashboard {
  readonly name: 'embed' | 'rerank' | 'vector' | 'generate' | 'ingest'
  readonly stage: WatchedStage['stage']
  readonly tier: string
  /** Others whose rows belong here. */
  readonly beside: readonly string[]
  readonly description: string
}

export const tierDashboards: readonly TierDashboard[] = [
  {
    name: 'embed',
    stage: 'embed',
    tier: 'embed',
    beside: [],
    description: 'Embedding of queries: batches, queue and inference of every replica.',
  },
  {
    name: 'rerank',
    stage: 'rerank',
    tier: 'rerank',
    beside: [],
    description: 'Reranking of what was found: batches, queue and inference of every replica.',
  },
  {
    name: 'vector',
    stage: 'retrieve',
    tier: 'vector',
    beside: [],
    description: 'The vector database: searches, points, replicas of shards, and the cluster.',
  },
  {
    name: 'generate',
    stage: 'generate',
    tier: 'generate',
    beside: [],
    description: 'The model: tokens, batch, queue, KV cache and prefix cache of every replica.',
  },
  {
    name: 'ingest',
    stage: 'ingest',
    tier: 'worker',
    beside: ['queue'],
    description: 'Documents on their way into the vector database, and those that wait.',
  },
]

/** None where the stack has no such tier, or nothing tells of it. */
export function tierRows(watched: Watched, about: TierDashboard): RowSpec[] {
  const stage = watchedStages(watched).find((one) => one.stage === about.stage)
  const job = jobOf(watched, about.tier)
  if (stage === undefined && job === undefined) return []
  const beside = watched.jobs.filter(({ tier }) => about.beside.includes(tier))
  return [
    {
      title: 'Now',
      panels: inOneLine([
        ...(stage === undefined ? [] : stageStats(watched, stage, 4)),
        ...(job === undefined ? [] : tierStats(watched, job, 4)),
      ]),
    },
    ...(stage === undefined ? [] : [{ title: `Stage ${about.stage}`, panels: stagePanels(watched, stage) }]),
    ...(job === undefined ? [] : componentRow(watched, job, false)),
    ...beside.flatMap((one) => componentRow(watched, one, false)),
    ...(job === undefined ? [] : [replicas(watched, job)]),
    ...gpus(watched, about.tier),
  ]
}

function stagePanels(watched: Watched, stage: WatchedStage): PanelSpec[] {
  const first = firstTokenPanel(watched, stage, 8)
  return [
    latencyPanel(watched, stage, 8),
    ...first,
    ratePanel(watched, stage, 8),
    heatPanel(watched, stage, first.length === 0 ? 8 : 24),
  ]
}

function replicas(watched: Watched, job: Job): RowSpec {
  return { title: 'Replicas', panels: [...usePanels(watched, job.tier), replicasPanel(watched, job, 24)] }
}

/** All GPUs of the hosts: which replica has which, the exporter does not know outside Kubernetes. */
function gpus(watched: Watched, tier: string): RowSpec[] {
  const exporter = watched.jobs.find(({ name }) => name === 'dcgm')
  const { tiers } = watched.stack
  const gpu = tier in tiers && tier !== 'vector' ? tiers[tier as 'embed']?.gpu : undefined
  if (exporter === undefined || gpu === undefined || gpu.toLowerCase() === 'cpu') return []
  return componentRow(watched, exporter, true)
}
