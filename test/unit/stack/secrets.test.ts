import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readStack } from '../../../src/stack/load.ts'
import { formatProblem } from '../../../src/stack/problems.ts'

const file = '/somewhere/rag/ragscale.yaml'
const embed = 'tiers: { embed: { model: BAAI/bge-base-en-v1.5 } }\n'
const said = (text: string) =>
  readStack(text, file).problems.map((problem) => formatProblem('', problem).slice(1))

/** Made up, in the shape of the real ones; never one string here, so that no scanner takes them for real. */
const shapes = {
  OpenAI: ['sk', 'proj-abcdefghijklmnopqrstuvwx'].join('-'),
  'Hugging Face': ['hf', 'abcdefghijklmnopqrstuvwxyz'].join('_'),
  GitHub: ['ghp', 'abcdefghijklmnopqrstuvwxyz0123'].join('_'),
  'GitHub, fine-grained': ['github', 'pat', '11ABCDEFG0abcdefghijkl'].join('_'),
  AWS: ['AKIA', 'ABCDEFGHIJKLMNOP'].join(''),
  Google: ['AIza', 'SyABCDEFGHIJKLMNOPQRSTUVWXYZ012345'].join(''),
  'a JSON Web Token': ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0In0', 'c2lnbmF0dXJl'].join('.'),
  'a private key': ['-----BEGIN', 'RSA PRIVATE KEY-----'].join(' '),
  'a header': ['Bearer', 'abcdefghijklmnopqrst'].join(' '),
}

describe('a value that looks like a secret', () => {
  test.each(Object.entries(shapes))(
    'of %s is refused wherever it stands, and not repeated',
    (_name, secret) => {
      for (const text of [
        `${embed}workload: { queries: '${secret}' }`,
        `tiers: { embed: { model: '${secret}' } }`,
        `tiers: { embed: { component: openai, model: m, url: 'https://a/${secret}' } }`,
        `tiers: { embed: { model: BAAI/bge-base-en-v1.5, autoscale: { schedule: [{ from: '${secret}', to: 0 1 * * *, replicas: 1 }] } } }`,
      ]) {
        const shown = said(text).join('\n')
        expect(shown, text).toContain('looks like a secret')
        expect(shown, text).not.toContain(secret.slice(-12))
      }
    },
  )

  test('is one inside of other text as well', () => {
    const text = `target: external\nendpoints: { pipeline: { url: 'http://a', protocol: http, answer: $.a, body: '{"key": "${shapes.OpenAI}", "q": {{query}}}' } }`
    expect(said(text).join('\n')).toContain('2:')
    expect(said(text).join('\n')).toContain('looks like a secret')
  })

  test('is a URL with a password in it, also in other text', () => {
    const url = ['postgres://me:', 'hunter2hunter2', '@db/rag'].join('')
    const shown = said(`${embed}workload: { queries: 'see ${url}' }`)
    expect(shown).toEqual([
      expect.stringMatching(/^2:22 workload.queries: a URL with a user name or password in it/),
    ])
  })
})

describe('a key that names a secret', () => {
  test.each([
    'apiKey',
    'api_key',
    'openaiApiKey',
    'hfToken',
    'hf_token',
    'redisPassword',
    'redis-password',
    'clientSecret',
    'passphrase',
    'privateKey',
  ])('%s is refused with its line, whatever its value', (key) => {
    const shown = said(`tiers:\n  embed:\n    model: BAAI/bge-base-en-v1.5\n    ${key}: abc\n`)
    expect(shown).toEqual([
      expect.stringMatching(new RegExp(`^4:\\d+ tiers.embed.${key}: a secret is never written in this file`)),
    ])
  })

  test.each([
    'tiers: { generate: { model: m, emulate: { model: continuous, step: 1ms, perSequence: 1ms, perPrefillToken: 1us } } }',
    `${embed}workload: { inputTokens: 5, outputTokens: 5 }`,
    'target: compose\ntiers: { embed: { component: openai, model: text-embedding-3-small, apiKeyEnv: MY_API_KEY, tokensPerMinute: 1M } }',
    'target: external\nendpoints: { embed: { url: http://a, keyFile: key.pem, certFile: cert.pem, headersEnv: { Authorization: RAG_TOKEN } } }',
  ])('is not one that only sounds like it: %s', (text) => {
    expect(said(text)).toEqual([])
  })
})

test('no model’s name, image or path of ordinary words is taken for a secret', () => {
  const word = fc.stringMatching(/^[a-z]{2,9}$/)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), word, (words, last) => {
      const text = `target: compose\ntiers: { embed: { model: '${words.join('/')}', image: 'registry.example/${words.join('-')}:${last}' } }\nworkload: { queries: '${words.join('/')}.jsonl' }`
      expect(said(text).filter((line) => line.includes('secret'))).toEqual([])
    }),
    { numRuns: 100 },
  )
})
