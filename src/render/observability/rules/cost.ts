/** What runs costs: GPUs by the catalogue's prices, API tokens by the provider's, and the budget that it is held to. */
import { gpuNamed, pricesAsOf } from '../../../catalog/gpus.ts'
import { providerOf } from '../../../catalog/provided.ts'
import { steps } from '../runbook.ts'
import { series } from '../scope.ts'
import { type Job, type Watched, tierJobs } from '../watched.ts'
import type { AlertRule, RecordingRule, RuleGroup } from './rule.ts'

/** As `ragscale recommend` counts them: 365 days ÷ 12. */
export const hoursPerMonth = 730

export interface Price {
  readonly job: Job
  readonly gpu: string
  readonly gpus: number
  /** USD an hour of one replica. */
  readonly perHour: number
}

/** Of every tier on GPUs that the catalogue has a price of. */
export function pricesOf(watched: Watched): readonly Price[] {
  return tierJobs(watched).flatMap((job) => {
    const { tiers } = watched.stack
    const tier = job.tier === 'vector' ? undefined : tiers[job.tier as Exclude<keyof typeof tiers, 'vector'>]
    const gpu = tier?.gpu === undefined ? undefined : gpuNamed(tier.gpu)
    if (gpu === undefined) return []
    const gpus = tier?.tensorParallel ?? 1
    return [{ job, gpu: gpu.name, gpus, perHour: Number((gpu.perHour * gpus).toPrecision(6)) }]
  })
}

/** What a provider takes for its tokens; null where none generates, or its prices are not known. */
function tokenPrices({ stack, jobs }: Watched): { readonly input: number; readonly output: number } | null {
  const { inputPrice = null, outputPrice = null } = providerOf(stack, 'generate') ?? {}
  // Only the gateway counts tokens.
  if (inputPrice === null || outputPrice === null || !jobs.some(({ tier }) => tier === 'gateway')) return null
  return { input: inputPrice, output: outputPrice }
}

/** Whether anything that runs has a price. */
export function isPriced(watched: Watched): boolean {
  return pricesOf(watched).length > 0 || tokenPrices(watched) !== null
}

export function costRecording(watched: Watched): RuleGroup<RecordingRule> {
  const { scope } = watched
  const prices = pricesOf(watched)
  if (!isPriced(watched)) return { name: 'ragscale.cost', rules: [] }
  const perHour = series(scope, 'stack:cost_per_hour:usd')
  const queries = series(scope, 'stage:requests:rate5m', 'stage="pipeline"')
  const perTier = prices.map(({ job, gpu, gpus, perHour: price }): RecordingRule => ({
    record: 'tier:cost_per_hour:usd',
    expr: `count(${series(scope, 'up', `job="${job.name}"`)}) * ${price}`,
    labels: { tier: job.tier, gpu },
    because: `${gpus} × ${gpu} a replica, whether or not it answers: a GPU that waits costs the same.`,
  }))
  return {
    name: 'ragscale.cost',
    because: `USD an hour: of GPUs, at the catalogue’s prices of ${pricesAsOf}${watched.stack.rehearse ? ', as if what is rehearsed here ran on them' : ''}; of a provider’s tokens, at those of ragscale.yaml. What runs on CPUs alone has no price there and counts as nothing.`,
    rules: [
      ...perTier,
      ...tokensRule(watched),
      {
        record: 'stack:cost_per_hour:usd',
        expr: `sum(${series(scope, 'tier:cost_per_hour:usd')})`,
      },
      {
        record: 'stack:cost_per_1k_queries:usd',
        expr: `${perHour}\n/ on () ((${queries} > 0) * 3.6)`,
        because: 'An hour at the present rate answers rate × 3,600 queries.',
      },
    ],
  }
}

function tokensRule(watched: Watched): RecordingRule[] {
  const prices = tokenPrices(watched)
  if (prices === null) return []
  const tokens = (kind: keyof typeof prices): string =>
    `sum(rate(${series(watched.scope, 'ragscale_gateway_tokens_total', 'job="gateway"', `kind="${kind}"`)}[5m]))`
  return [
    {
      record: 'tier:cost_per_hour:usd',
      expr: `${tokens('input')} * 3600 * ${prices.input} / 1e6\n+ ${tokens('output')} * 3600 * ${prices.output} / 1e6`,
      labels: { tier: 'generate', priced_by: 'tokens' },
      because: `tiers.generate.prices: ${prices.input} USD a million tokens read, ${prices.output} written.`,
    },
  ]
}

export function costAlerts(watched: Watched): RuleGroup {
  const budget = watched.stack.limits.budgetPerMonth
  const name = 'ragscale.cost.alerts'
  if (budget === null || !isPriced(watched)) return { name, rules: [] }
  const { scope } = watched
  const perHour = series(scope, 'stack:cost_per_hour:usd')
  const runbook = steps(
    'Which tier is it? The dashboard "RAG cost" has it by tier.',
    'Replicas that no load asks for: `ragscale recommend`, then `--apply`.',
    'On Kubernetes look what the autoscaler follows, and tiers.<tier>.autoscale.max.',
    'Wanted all the same: raise limits.budget in ragscale.yaml and render again.',
  )
  const pace: AlertRule = {
    alert: 'BudgetPaceExceeded',
    expr: `${perHour} * ${hoursPerMonth} > ${budget}`,
    for: '30m',
    labels: { severity: 'warning', ...scope.labels },
    annotations: {
      summary: `At this pace {{ $value | humanize }} USD a month, the budget is ${budget}`,
      description: `What has run for the last 30 minutes would cost more than limits.budget (${budget} USD a month) if it kept running. A peak may do that and pass; look whether this one will.`,
      runbook,
    },
    because: `limits.budget: ${budget} USD a month; a month has ${hoursPerMonth} hours.`,
  }
  const day: AlertRule = {
    alert: 'BudgetExceeded',
    expr: `avg_over_time(${perHour}[1d]) * ${hoursPerMonth} > ${budget}`,
    for: '1h',
    labels: { severity: 'critical', ...scope.labels },
    annotations: {
      summary: `The last day cost {{ $value | humanize }} USD a month, the budget is ${budget}`,
      description: `The mean of the last 24 hours is beyond limits.budget (${budget} USD a month): this is no peak. Somebody has to decide between fewer replicas and a larger budget.`,
      runbook,
    },
    because: 'The mean of a day: peaks and nights even out.',
  }
  return { name, rules: [pace, day] }
}
