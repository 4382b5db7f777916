import { z } from 'zod'
import { durationField, percentageField } from './fields.ts'
import { type Percentile, type Stage, percentiles } from '../stack.ts'

const streaming = ['latency', 'ttft', 'ttfo', 'tpot', 'itl_gap']

/** The metrics that a limit may be set on, by stage; a percentile on its own means `latency`. */
const sloMetrics: Readonly<Record<Stage, readonly string[]>> = {
  embed: ['latency'],
  retrieve: ['latency'],
  rerank: ['latency'],
  generate: streaming,
  ingest: ['latency'],
  pipeline: [...streaming, 'rag_ttft', 'gateway', 'embed', 'retrieve', 'rerank', 'generate'],
}

function stageSchema(stage: Stage) {
  const shape: Record<string, z.ZodOptional<ReturnType<typeof durationField>>> = {}
  for (const percentile of percentiles) {
    shape[percentile] = durationField().optional().describe(`Limit on latency’s ${percentile}.`)
  }
  for (const metric of sloMetrics[stage]) {
    for (const percentile of percentiles) {
      shape[`${metric}.${percentile}`] = durationField()
        .optional()
        .describe(`Limit on ${metric}’s ${percentile}.`)
    }
  }
  return z.strictObject({
    ...shape,
    errors: percentageField().optional().describe('Share of requests that may fail.'),
  })
}

export const sloSchema = z.strictObject({
  embed: stageSchema('embed').optional(),
  retrieve: stageSchema('retrieve').optional(),
  rerank: stageSchema('rerank').optional(),
  generate: stageSchema('generate').optional(),
  ingest: stageSchema('ingest').optional(),
  pipeline: stageSchema('pipeline').optional(),
})

/** `p99` is latency's; on `pipeline`, `ttft` is counted from when the query was due: `rag_ttft`. */
export function sloTarget(stage: Stage, key: string): { metric: string; percentile: Percentile | null } {
  if (key === 'errors') return { metric: 'errors', percentile: null }
  const dot = key.lastIndexOf('.')
  const percentile = key.slice(dot + 1) as Percentile
  const metric = dot === -1 ? 'latency' : key.slice(0, dot)
  return { metric: stage === 'pipeline' && metric === 'ttft' ? 'rag_ttft' : metric, percentile }
}
