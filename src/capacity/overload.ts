import type { MeasuredStep } from './types.ts'

/** Fewer samples than this say too little of a law. */
export const fewestSamples = 30

/** Failures beyond this share are a tier's answer to overload. */
const overloadErrors = 0.02

export function overloaded(step: MeasuredStep): boolean {
  return step.saturated || step.errorsShare > overloadErrors
}

/** Failures ÷ requests of these steps together. */
export function failuresOf(steps: readonly MeasuredStep[]): number {
  const requests = steps.reduce((sum, step) => sum + step.offered * step.seconds, 0)
  const failures = steps.reduce((sum, step) => sum + step.errorsShare * step.offered * step.seconds, 0)
  return requests === 0 ? 0 : failures / requests
}
