import { describe, expect, it } from 'vitest'
import {
  replicasAt,
  splitOf,
  splitTierOf,
  tierOf,
  versionOf,
  whySame,
} from '../../../../src/loop/rollout/version.ts'
import { allTiers, stackOf } from '../../targets/stacks.ts'

const stack = stackOf(allTiers)
const asked = (more: object) => ({ set: [], ...more })

describe('the tiers of which two versions can serve at once', () => {
  it.each(['gateway', 'embed', 'rerank', 'generate'])('include %s', (tier) => {
    expect(splitTierOf(tier, stack)).toBe(tier)
  })

  it.each([
    ['vector', /nodes of a vector cluster hold its data/],
    ['worker', /no load test sends documents/],
    ['cache', /no tier cache of which two versions/],
    ['embde', /no tier embde/],
  ])('do not include %s, and it is said why', (tier, why) => {
    expect(() => splitTierOf(tier, stack)).toThrow(why)
  })

  it('do not include one that an API provider runs', () => {
    const provided = stackOf(
      '\n  generate: { component: openai, model: gpt-5-mini, url: https://api.example, apiKeyEnv: KEY, requestsPerMinute: 100 }',
      'target: compose',
    )
    expect(() => splitTierOf('generate', provided)).toThrow(/somebody else runs generate/)
  })
})

describe('two versions of which only the image differs', () => {
  const image = [{ path: 'tiers.embed.image', value: 'tei:2' }]

  it.each([
    ['on local', stackOf(allTiers, 'target: local'), 'local runs no images'],
    [
      'in a rehearsal',
      stackOf(allTiers, 'target: compose\nrehearse: true'),
      'an emulator runs in place of embed’s image',
    ],
  ])('are the same %s, which is said', (_, stack, why) => {
    expect(whySame(image, 'embed', stack)).toContain(why)
    expect(whySame([{ path: 'tiers.embed.model', value: 'm' }, ...image], 'embed', stack)).toBeNull()
  })

  it('differ where the image is what runs', () => {
    expect(whySame(image, 'embed', stackOf(allTiers, 'target: compose'))).toBeNull()
    const gateway = [{ path: 'tiers.gateway.image', value: 'ragscale:2' }]
    expect(whySame(gateway, 'gateway', stackOf(allTiers, 'target: compose\nrehearse: true'))).toBeNull()
  })
})

describe('the next version', () => {
  it('is what its flags say of the tier', () => {
    const set = ['gpu=L40S', 'tiers.generate.maxSequences=128']
    expect(versionOf('generate', 'vllm', asked({ image: 'vllm:2', set }))).toEqual({
      edits: [
        { path: 'tiers.generate.image', value: 'vllm:2' },
        { path: 'tiers.generate.gpu', value: 'L40S' },
        { path: 'tiers.generate.maxSequences', value: 128 },
      ],
      words: 'image vllm:2, gpu L40S, maxSequences 128',
    })
  })

  it.each([
    ['nothing', {}, /nothing says what the next version is/],
    ['a count', { set: ['replicas=3'] }, /no version of embed/],
    ['another component', { set: ['component=ollama'] }, /no version of embed/],
    ['another tier', { set: ['tiers.generate.gpu=L4'] }, /not of embed/],
    ['another embedding model', { model: 'BAAI/bge-large-en-v1.5' }, /makes other vectors/],
  ])('cannot be %s', (_, more, why) => {
    expect(() => versionOf('embed', 'tei', asked(more))).toThrow(why)
  })

  it('answers to the name of the model that was there, for as long as others ask by it', () => {
    const { generate } = stack.tiers
    const next = {
      ...stack,
      tiers: { ...stack.tiers, generate: { ...generate, model: 'new/model' } },
    } as typeof stack
    const { split } = splitOf(stack, { before: stack, next }, 'generate', 2, 25)
    expect(split).toMatchObject({
      share: 25,
      version: { replicas: 2, model: 'new/model', alsoServes: [tierOf(stack, 'generate').model] },
    })
  })
})

describe('the replicas of the next version', () => {
  it.each([
    [5, 4, 1],
    [25, 4, 2],
    [50, 4, 4],
    [100, 4, 4],
    [5, 1, 1],
    [10, 90, 10],
  ])(
    'at %d %% of the requests, beside %d, are %d: each gets as much as one of the current',
    (share, current, next) => {
      expect(replicasAt(share, current)).toBe(next)
    },
  )
})
