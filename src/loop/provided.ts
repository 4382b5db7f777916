/** Tiers that an API provider runs, as the recommender is told of them. */
import { providedBy } from '../capacity/provided.ts'
import type { Provided } from '../capacity/types.ts'
import { providerOf } from '../catalog/provided.ts'
import type { Recording } from '../recording/files.ts'
import type { Stack } from '../stack/stack.ts'

/** Tokens of a question, where nothing was recorded of them: a sentence. */
const questionTokens = 16

type ProvidedName = 'embed' | 'generate'

/** Null where replicas of ours, or of an emulator, answer. */
export function providedTier(
  stack: Stack,
  name: ProvidedName,
  recordings: readonly Recording[] = [],
): Provided | null {
  const provider = providerOf(stack, name)
  if (provider === undefined) return null
  if (name === 'embed') {
    return providedBy(provider, { input: questionTokens, output: 0, from: 'a question of a sentence' })
  }
  const { inputTokens, outputTokens } = stack.workload
  return providedBy(
    provider,
    measuredTokens(recordings) ?? { input: inputTokens, output: outputTokens, from: 'as workload says' },
  )
}

/** Means of the answers whose tokens the provider counted. */
function measuredTokens(
  recordings: readonly Recording[],
): { input: number; output: number; from: string } | null {
  const steps = recordings
    .flatMap(({ run }) => run.steps)
    .filter(({ stage, valid, tokens }) => valid && stage === 'generate' && tokens.output > 0)
  const counted = steps.reduce((sum, step) => sum + Math.max(0, step.succeeded - step.tokens.unmeasured), 0)
  if (counted === 0) return null
  const mean = (kind: 'input' | 'output') => steps.reduce((sum, step) => sum + step.tokens[kind], 0) / counted
  return { input: mean('input'), output: mean('output'), from: 'as it was measured' }
}

export function isProvided(stack: Stack, stage: string): boolean {
  return (stage === 'embed' || stage === 'generate') && providerOf(stack, stage) !== undefined
}

/** Requests a second that a provider's limits allow of a stage; null where no provider, or no limit, is in its way. */
export function providedRate(stack: Stack, stage: string): number | null {
  const rates = reached(stage).flatMap((name) => providedTier(stack, name)?.requestsPerSecond ?? [])
  return rates.length === 0 ? null : Math.min(...rates)
}

/** USD that so many requests of a stage cost at providers; 0 where none is asked, null where one has no price. */
export function spendOf(stack: Stack, stage: string, requests: number): number | null {
  return reached(stage).reduce((sum: number | null, name) => {
    const provided = providedTier(stack, name)
    if (provided === null || sum === null) return sum
    return provided.pricePerRequest === null ? null : sum + provided.pricePerRequest * requests
  }, 0)
}

/** Tiers that a stage's requests reach and that a provider can run. */
function reached(stage: string): ProvidedName[] {
  if (stage === 'pipeline') return ['embed', 'generate']
  return stage === 'embed' || stage === 'generate' ? [stage] : []
}
