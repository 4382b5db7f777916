/** What stands between a typed command and somebody's servers. */
import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { Limits } from '../stack/stack.ts'
import { formatRate } from '../stack/units.ts'
import { isLoopback } from './endpoints.ts'
import type { LoadTarget, ScenarioPlan } from './plan.ts'
import { extentOf } from './plan.ts'

/** One stage's load: of a scenario, and of the probe before it where there is one. */
export interface IntendedLoad {
  readonly target: LoadTarget
  readonly plan: Pick<ScenarioPlan, 'stage' | 'steps' | 'arrivals'>
}

export interface LoadExtent {
  /** Hosts (with port) beyond loopback, each once. */
  readonly hosts: readonly string[]
  readonly peakRate: number
  readonly requests: number
}

export function extentOfLoads(loads: readonly IntendedLoad[]): LoadExtent {
  const extents = loads.map(({ plan }) => extentOf(plan))
  const urls = loads.flatMap(({ target }) => target.urls)
  return {
    hosts: [...new Set(urls.filter((url) => !isLoopback(url)).map((url) => new URL(url).host))],
    peakRate: Math.max(0, ...extents.map((extent) => extent.peakRate)),
    requests: extents.reduce((sum, extent) => sum + extent.requests, 0),
  }
}

/**
 * Holds a load to `limits.load`, wherever it goes. `estimatedSpend` is what it would cost, in the currency of
 * `limits.load.spend`; null when it goes beyond this machine, or to a provider, and no price is known.
 * @throws UserError (exit 2)
 */
export function assertWithinLimits(
  extent: LoadExtent,
  limits: Limits,
  estimatedSpend: number | null = extent.hosts.length === 0 ? 0 : null,
): void {
  const { rate, requests, spend } = limits.load
  const refuse = (message: string, hint: string): never => {
    throw new UserError(message, { hint, exitCode: ExitCode.usage, code: 'limit' })
  }
  if (rate !== null && extent.peakRate > rate * (1 + 1e-9)) {
    refuse(
      `this load would reach ${formatRate(extent.peakRate)}, and limits.load.rate is ${formatRate(rate)}`,
      'choose lower rates (--rate, --rates), or raise limits.load.rate',
    )
  }
  if (requests !== null && extent.requests > requests) {
    refuse(
      `this load would send about ${extent.requests} requests, and limits.load.requests is ${requests}`,
      'choose a shorter --duration or lower rates, or raise limits.load.requests',
    )
  }
  if (spend === null) return
  if (estimatedSpend === null) {
    refuse(
      'limits.load.spend cannot be held: ragscale knows no price for these endpoints',
      'set limits.load.requests instead',
    )
  } else if (estimatedSpend > spend) {
    refuse(
      `this load would cost about ${estimatedSpend.toFixed(2)}, and limits.load.spend is ${spend}`,
      'choose a shorter --duration or lower rates, or raise limits.load.spend',
    )
  }
}

/**
 * Asks before a load leaves this machine; says nothing when it does not.
 * @throws UserError: exit 2 when nobody can be asked and `yes` was not given, exit 130 when the answer is no
 */
export async function confirmLoad(
  extent: LoadExtent,
  runtime: Pick<Runtime, 'interactive' | 'prompts' | 'stderr'>,
  { yes }: { readonly yes: boolean },
): Promise<void> {
  if (extent.hosts.length === 0) return
  const what = `${extent.hosts.join(', ')}: up to ${formatRate(extent.peakRate)}, about ${extent.requests} requests`
  if (yes) {
    runtime.stderr.write(`Loading ${what}\n`)
    return
  }
  if (!runtime.interactive) {
    throw new UserError(`this would load ${what}, and nobody can be asked whether that is meant`, {
      hint: 'pass --yes if it is, and you may load that host',
      exitCode: ExitCode.usage,
      code: 'unconfirmed',
    })
  }
  const meant = await runtime.prompts.confirm(`Load ${what}?`, { initial: false })
  if (!meant) throw new UserError('not loaded', { exitCode: ExitCode.interrupted, code: 'declined' })
}
