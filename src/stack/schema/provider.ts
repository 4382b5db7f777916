/** Keys of a tier that an API provider fills (`component: openai`). */
import { z } from 'zod'
import { countField, numberField, urlField, variableField } from './fields.ts'

const price = (what: string) =>
  numberField(0, 1_000_000).optional().describe(`USD per million tokens of ${what}.`)

export const providerKeys = {
  url: urlField()
    .optional()
    .describe('openai: where the provider answers, without /v1. Default: https://api.openai.com.'),
  apiKeyEnv: variableField()
    .optional()
    .describe(
      'openai: the environment variable that holds the API key. Default: OPENAI_API_KEY, where url is too.',
    ),
  requestsPerMinute: countField(1, 1_000_000_000)
    .optional()
    .describe('openai: the account’s limit on requests.'),
  tokensPerMinute: countField(1, 1_000_000_000_000)
    .optional()
    .describe('openai: the account’s limit on tokens, read and written together.'),
  prices: z
    .strictObject({ input: price('a prompt'), output: price('an answer') })
    .optional()
    .describe('openai: what tokens cost.'),
}

/** As the OpenAI API itself is reached; another URL has to name the variable of its own key. */
export const defaultProvider = { url: 'https://api.openai.com', apiKeyEnv: 'OPENAI_API_KEY' } as const
