import { z } from 'zod'

/** A text, or the token ids of one. */
const input = z.union([z.string(), z.array(z.int().nonnegative()).min(1)])
/** One input or several; an empty array is a batch without inputs. */
const inputs = z.union([z.string(), z.array(z.int().nonnegative()).min(1), z.array(input)])
const truncation = {
  truncate: z.boolean().nullish(),
  truncation_direction: z.enum(['Left', 'Right', 'left', 'right']).default('Right'),
}

export const embedRequest = z.object({
  inputs,
  normalize: z.boolean().default(true),
  dimensions: z.int().nonnegative().nullish(),
  prompt_name: z.string().nullish(),
  ...truncation,
})

export const rerankRequest = z.object({
  query: z.string(),
  texts: z.array(z.string()),
  raw_scores: z.boolean().default(false),
  return_text: z.boolean().default(false),
  ...truncation,
})

export const similarityRequest = z.object({
  inputs: z.object({ source_sentence: z.string(), sentences: z.array(z.string()) }),
  parameters: z.object({ prompt_name: z.string().nullish(), ...truncation }).nullish(),
})

export const tokenizeRequest = z.object({
  inputs: z.union([z.string(), z.array(z.string())]),
  add_special_tokens: z.boolean().default(true),
  prompt_name: z.string().nullish(),
})

export const embeddingsRequest = z.object({
  input: inputs,
  model: z.string().nullish(),
  user: z.string().nullish(),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().nonnegative().nullish(),
})

export type Inputs = z.output<typeof inputs>
export type Truncation = {
  truncate?: boolean | null | undefined
  truncation_direction: 'Left' | 'Right' | 'left' | 'right'
}

/** The texts of a request and whether it came as a batch. Token ids become words of their own. */
export function textsOf(given: Inputs): { texts: string[]; method: 'single' | 'batch' } {
  if (typeof given === 'string') return { texts: [given], method: 'single' }
  if (isIds(given)) return { texts: [given.join(' ')], method: 'single' }
  return { texts: given.map((one) => (typeof one === 'string' ? one : one.join(' '))), method: 'batch' }
}

function isIds(given: readonly (string | number | readonly number[])[]): given is number[] {
  return typeof given[0] === 'number'
}
