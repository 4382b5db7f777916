/** What each stage of a load test will call and how hard: decided, held to limits and confirmed before any connection is made. */
import { endpointTarget, providerTarget, targetOf } from '../load/endpoints.ts'
import type { RunningUrls } from '../load/endpoints.ts'
import type { LoadStage, LoadTarget, PlanArrivals, ScenarioPlan } from '../load/plan.ts'
import { extentOf } from '../load/plan.ts'
import { planProbe } from '../load/probe.ts'
import { assertWithinLimits, confirmLoad, extentOfLoads } from '../load/safety.ts'
import type { IntendedLoad } from '../load/safety.ts'
import { planScenario } from '../load/scenario.ts'
import type { Scenario, ScenarioOptions } from '../load/scenario.ts'
import type { Runtime } from '../runtime.ts'
import type { EndpointName, Stack } from '../stack/stack.ts'
import { providedRate, spendOf } from './provided.ts'

/** The load that a user asked for; what is left out is decided by the scenario and the stack. */
export interface AskedLoad {
  readonly stack: Stack
  readonly scenario: Scenario
  readonly rate?: number | undefined
  readonly rates?: readonly number[] | undefined
  readonly durationMs?: number | undefined
  readonly warmupMs?: number | undefined
  readonly arrivals?: PlanArrivals | undefined
  readonly seed?: number | undefined
  readonly maxInFlight?: number | undefined
  readonly unique?: boolean | undefined
  /** Sent with every request: header → the name of the environment variable that holds its value. */
  readonly headersEnv?: Readonly<Record<string, string>> | undefined
}

export interface Aim {
  readonly stage: LoadStage
  readonly target: LoadTarget
  /** What is asked beforehand, to make the queries complete: for vectors, and for points. */
  readonly embed: LoadTarget | null
  readonly vector: LoadTarget | null
  readonly asked: ScenarioOptions
  /** The test itself; or the climb that finds the rates of a sweep. */
  readonly first: ScenarioPlan
  readonly probes: boolean
}

/** @throws {UserError} exit 2 for options and endpoints that do not fit, 4 where nothing runs */
export function aimAt(stage: LoadStage, load: AskedLoad, urls: RunningUrls): Aim {
  const { stack } = load
  const called = targetOf(stage, stack, urls, load.unique === undefined ? {} : { unique: load.unique })
  const target =
    load.headersEnv === undefined
      ? called
      : { ...called, headersEnv: { ...called.headersEnv, ...load.headersEnv } }
  const name = endpointOf(stage)
  const asked: ScenarioOptions = {
    stage,
    scenario: load.scenario,
    rate: load.rate,
    rates: load.rates,
    durationMs: load.durationMs,
    warmupMs: load.warmupMs,
    arrivals: load.arrivals,
    seed: load.seed,
    maxInFlight: load.maxInFlight,
    timeoutMs: stack.target === 'external' ? stack.endpoints[name]?.timeoutMs : undefined,
  }
  const probes = load.scenario === 'sweep' && load.rates === undefined
  const completes = stage === 'retrieve' || stage === 'rerank'
  return {
    stage,
    target,
    embed: completes ? endpointTarget('embed', stack, urls) : null,
    vector: completes ? endpointTarget('vector', stack, urls) : null,
    asked,
    first: probes
      ? withinRate(planProbe(asked, stack), highestRate(stage, stack))
      : planScenario(asked, stack),
    probes,
  }
}

/** What a stage loads, and what it calls besides: `external` names each. */
export function endpointNamesOf({ stage, embed, vector }: Aim): EndpointName[] {
  const names: EndpointName[] = [endpointOf(stage)]
  if (embed !== null) names.push('embed')
  if (vector !== null) names.push('vector')
  return [...new Set(names)]
}

function endpointOf(stage: LoadStage): EndpointName {
  return stage === 'retrieve' ? 'vector' : stage
}

/** Holds all stages together to `limits.load`, and asks before anything beyond this machine is called. */
export async function allowLoad(
  aims: readonly Aim[],
  stack: Stack,
  runtime: Pick<Runtime, 'interactive' | 'prompts' | 'stderr'>,
  options: { readonly yes: boolean },
): Promise<void> {
  const extent = extentOfLoads(aims.flatMap((aim) => loadsOf(aim, stack)))
  assertWithinLimits(extent, stack.limits, estimatedSpend(aims, stack, extent.hosts.length > 0))
  await confirmLoad(extent, runtime, options)
}

/** Of all stages together; null where something may cost and no price is known. */
function estimatedSpend(aims: readonly Aim[], stack: Stack, leaves: boolean): number | null {
  const paid = aims.map(({ stage, first }) => spendOf(stack, stage, extentOf(first).requests))
  if (paid.every((spend) => spend === 0)) return leaves ? null : 0
  return paid.reduce((sum: number | null, spend) => (sum === null || spend === null ? null : sum + spend), 0)
}

function loadsOf({ stage, target, first, embed, vector }: Aim, stack: Stack): IntendedLoad[] {
  // Not loaded, but called: a question of its own would be asked too late. Nor are providers behind our gateway.
  const behind =
    stage === 'pipeline' ? [providerTarget('embed', stack), providerTarget('generate', stack)] : []
  const called = [embed, vector, ...behind].filter((helper) => helper !== null)
  const nothing = { stage: first.stage, steps: [], arrivals: { kind: 'constant' } } as const
  return [
    { target, plan: first },
    ...called.map((helper) => ({ target: helper, plan: { ...nothing, steps: [] } })),
  ]
}

function highestRate(stage: LoadStage, stack: Stack): number | null {
  const limits = [stack.limits.load.rate, providedRate(stack, stage)].filter((limit) => limit !== null)
  return limits.length === 0 ? null : Math.min(...limits)
}

/** A probe climbs until the target gives in; not beyond what the stack allows. */
function withinRate(plan: ScenarioPlan, limit: number | null): ScenarioPlan {
  if (limit === null) return plan
  const steps = plan.steps.filter(({ toRate }) => toRate <= limit)
  return steps.length > 0 ? { ...plan, steps } : { ...plan, steps: plan.steps.slice(0, 1) }
}
