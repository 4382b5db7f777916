/** A model and the GPUs that it is to run on. */
import { roomOf } from '../../catalog/memory.ts'
import { languageModel } from '../../catalog/models.ts'
import { normalise } from '../normalise.ts'
import { type Rule, type RuleFinding, error } from './rule.ts'
import { isEmulated } from './tiers.ts'

/** The GPUs of a replica share the model's heads. */
export const headsDivide: Rule = ({ tiers: { generate } }) => {
  if (generate === undefined) return []
  const { model, tensorParallel, component } = generate
  const known = languageModel(model)
  if (known === undefined || tensorParallel === 1) return []
  const keys = ['tiers.generate.tensorParallel', 'tiers.generate.model']
  const { attentionHeads: heads, kvHeads } = known
  const divisors = range(heads).filter((n) => heads % n === 0 && kvHeadsDivide(component, kvHeads, n))
  const hint = listed(divisors)
  if (heads % tensorParallel !== 0) {
    return [
      error(keys, `${model} has ${heads} attention heads, which do not divide by ${tensorParallel}`, hint),
    ]
  }
  if (kvHeadsDivide(component, kvHeads, tensorParallel)) return []
  const message = `${model} has ${kvHeads} KV heads, which ${component} cannot spread over ${tensorParallel} GPUs`
  return [error(keys, message, hint)]
}

/**
 * vLLM divides the KV heads or, where there are fewer than GPUs, repeats each on as many GPUs (its models assert
 * that one of the numbers divides by the other); TGI only divides them.
 */
function kvHeadsDivide(component: string, kvHeads: number, span: number): boolean {
  if (component === 'tgi') return kvHeads % span === 0
  return kvHeads % span === 0 || span % kvHeads === 0
}

export const promptsFit: Rule = ({ tiers: { generate }, workload }) => {
  if (generate === undefined) return []
  const tokens = workload.inputTokens + workload.outputTokens
  if (tokens <= generate.maxModelLength) return []
  const message = `a prompt and its answer have ${tokens} tokens, more than tiers.generate.maxModelLength`
  const keys = ['workload.inputTokens', 'workload.outputTokens', 'tiers.generate.maxModelLength']
  return [error(keys, `${message} (${generate.maxModelLength})`)]
}

/** Real servers need GPUs that hold the model; what is emulated is refused where it has no timing. */
export const modelsFitTheirGpus: Rule = (shape) => {
  if (isEmulated(shape)) return []
  const { tiers } = normalise(shape, '/')
  return (['embed', 'rerank', 'generate'] as const).flatMap((name): RuleFinding[] => {
    const tier = tiers[name]
    const room = tier === undefined ? null : roomOf(tier)
    if (room === null || room.fits) return []
    const keys = ['gpu', 'model', 'tensorParallel', 'maxModelLength'].map((key) => `tiers.${name}.${key}`)
    return [error(keys, room.because, room.cure)]
  })
}

/** What only GPUs run has to say which. */
export const gpusAreNamed: Rule = (shape) => {
  const { generate } = shape.tiers
  if (isEmulated(shape) || generate === undefined) return []
  const { component, gpu, tensorParallel } = generate
  if (component === 'openai') return []
  const none = gpu === undefined || gpu.toLowerCase() === 'cpu'
  const keys = ['tiers.generate.gpu', 'tiers.generate']
  if (component === 'tgi' && none) return [error(keys, 'missing: tgi runs on a GPU', 'gpu: L4, for example')]
  if (component === 'vllm' && gpu === undefined) {
    return [error(keys, 'missing: the image follows from it', 'gpu: L4, for example, or gpu: cpu')]
  }
  if (none && tensorParallel > 1) {
    return [error(['tiers.generate.tensorParallel', ...keys], 'means nothing without GPUs')]
  }
  return []
}

const range = (most: number): number[] => Array.from({ length: most }, (_, index) => index + 1)

function listed(numbers: readonly number[]): string {
  const few = numbers.filter((n) => n <= 64)
  return few.length < 2 ? few.join('') : `${few.slice(0, -1).join(', ')} or ${few.at(-1)}`
}
