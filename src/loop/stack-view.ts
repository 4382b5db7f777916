/** A plan, and a stack that runs, as text and as JSON. */
import type { Stack } from '../stack/stack.ts'
import type { Observed, Progress, RunningEndpoints, Step } from '../targets/target.ts'

/** `ragscale.plan/1` */
export function planJson(stack: Stack, steps: readonly Step[]): string {
  const shown = steps.map(({ what, because, tier }) => ({ what, because, tier }))
  return `${JSON.stringify({ schema: 'ragscale.plan/1', stack: stack.name, target: stack.target, steps: shown })}\n`
}

export function planText(steps: readonly Step[]): string {
  if (steps.length === 0) return 'nothing to do: everything is as it should be\n'
  return steps.map(({ what, because }) => `${what}\n    because ${because}\n`).join('')
}

/** Of a change of what runs, each step with its cause; that a stack is started needs no cause. */
export function tellPlan(onProgress: (progress: Progress) => void) {
  return (steps: readonly Step[], { running }: Pick<Observed, 'running'>): void => {
    if (running && steps.length > 0) onProgress({ kind: 'note', text: planText(steps).trimEnd() })
  }
}

export interface StackView {
  readonly stack: Stack
  readonly observed: Observed
  readonly endpoints: RunningEndpoints
}

export function stackJson(schema: string, view: StackView, more: object = {}): string {
  const { stack, observed, endpoints } = view
  const { running, notes, replicas } = observed
  const { name, target } = stack
  return `${JSON.stringify({ schema, stack: name, target, running, endpoints, replicas, notes, ...more })}\n`
}

/** The tiers with their counts and URLs, and what to know of them. */
export function stackText({ stack, observed, endpoints }: StackView): string {
  const urls = Object.entries(endpoints).map(([name, all]) => `  ${name.padEnd(10)}${(all ?? []).join(' ')}`)
  const { length: all } = observed.replicas
  const healthy = observed.replicas.filter(({ state }) => state === 'healthy').length
  const count = (what: string) => `${healthy} of ${all} ${what} healthy`
  const elsewhere = healthy === all ? `(${stack.target})` : `(${stack.target}), ${count('replicas')}`
  const where = stack.target === 'local' ? `on this machine, ${count('processes')}` : elsewhere
  const notes = observed.notes.map((note) => `  ${note}`)
  return `${[`${stack.name} is up ${where}`, ...urls, ...notes].join('\n')}\n`
}
