import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endpointTarget, isLoopback, targetOf } from '../../../src/load/endpoints.ts'
import type { Endpoint, EndpointName } from '../../../src/stack/stack.ts'
import { stackWith } from './stacks.ts'

const external = (name: EndpointName, endpoint: Omit<Endpoint, 'replicas'>) =>
  stackWith({ target: 'external', endpoints: { [name]: { replicas: 1, ...endpoint } } })

describe('what a stage calls', () => {
  it('is where the running stack says, spoken to in the protocol of its component', () => {
    const stack = stackWith({ tiers: { embed: { component: 'tei', replicas: 1, model: 'bge' } } })
    expect(targetOf('embed', stack, { embed: ['http://127.0.0.1:9'] })).toEqual({
      urls: ['http://127.0.0.1:9'],
      protocol: 'tei',
      model: 'bge',
      topK: 5,
      outputTokens: 128,
    })
  })

  it('is the endpoint of an external stack, its secrets by name only', () => {
    const stack = external('vector', {
      url: 'https://q.example',
      protocol: 'qdrant',
      collection: 'docs',
      apiKeyEnv: 'QDRANT_API_KEY',
      headersEnv: { 'x-team': 'TEAM' },
      caFile: '/ca.pem',
    })
    expect(targetOf('retrieve', stack, {})).toEqual({
      urls: ['https://q.example'],
      protocol: 'qdrant',
      collection: 'docs',
      topK: 5,
      outputTokens: 128,
      apiKeyEnv: 'QDRANT_API_KEY',
      headersEnv: { 'x-team': 'TEAM' },
      caFile: '/ca.pem',
    })
  })

  it('says which endpoint is missing, and how to get it', () => {
    expect(() => targetOf('retrieve', stackWith(), {})).toThrow(
      expect.objectContaining({
        exitCode: 4,
        hint: expect.stringContaining('ragscale up') as string,
      }) as Error,
    )
    expect(() => targetOf('retrieve', stackWith({ target: 'external' }), {})).toThrow(
      expect.objectContaining({
        exitCode: 2,
        hint: expect.stringContaining('endpoints.vector') as string,
      }) as Error,
    )
    expect(endpointTarget('embed', stackWith(), {})).toBeNull()
  })

  it.each([
    ['embed', { url: 'http://a', protocol: 'qdrant' }, /protocol qdrant does not suit it/],
    ['vector', { url: 'http://a', protocol: 'qdrant' }, /no collection/],
    ['generate', { url: 'http://a', protocol: 'openai' }, /no model/],
    [
      'pipeline',
      { url: 'http://a', protocol: 'http', body: '{"q": "x"}', answer: '$.a' },
      /no \{\{query\}\}/,
    ],
    [
      'pipeline',
      { url: 'http://a', protocol: 'http', body: '{"q": "{{query}}"}', answer: '$.a' },
      /not JSON/,
    ],
    ['pipeline', { url: 'http://a', protocol: 'http', body: '{"q": {{query}}}' }, /where the answer is/],
    [
      'pipeline',
      { url: 'http://a', protocol: 'http', body: '{"q": {{query}}}', answer: 'answer' },
      /not a path/,
    ],
  ] as const)('refuses an endpoint that could not work: %s %j', (name, endpoint, message) => {
    const stages = { embed: 'embed', vector: 'retrieve', generate: 'generate', pipeline: 'pipeline' } as const
    expect(() => targetOf(stages[name], external(name, endpoint), {})).toThrow(message)
  })
})

describe('loopback', () => {
  it.each([
    'http://127.0.0.1:1/a',
    'http://localhost',
    'https://[::1]:9',
    'http://127.9.9.9',
    'http://a.localhost',
    'http://localhost.',
  ])('%s only reaches this machine', (url) => expect(isLoopback(url)).toBe(true))

  it.each([
    'http://128.0.0.1',
    'http://localhost.example',
    'http://[::2]',
    'http://0.0.0.0',
    'http://127.0.0.1.example',
    'http://10.0.0.1',
  ])('%s may reach another', (url) => expect(isLoopback(url)).toBe(false))

  it('is the first octet of an address that decides', () => {
    fc.assert(fc.property(fc.ipV4(), (ip) => isLoopback(`http://${ip}`) === ip.startsWith('127.')))
  })
})
