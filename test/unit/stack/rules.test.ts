import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scalingOf } from '../../../src/catalog/catalog.ts'
import { gpus } from '../../../src/catalog/gpus.ts'
import { languageModels } from '../../../src/catalog/models.ts'
import { cronProblem, timeZoneProblem } from '../../../src/stack/cron.ts'
import { readStack } from '../../../src/stack/load.ts'
import { setIn } from '../../../src/stack/paths.ts'
import { formatProblem } from '../../../src/stack/problems.ts'
import type { Stack } from '../../../src/stack/stack.ts'
import { type StackFile, arbitraryStackFile } from '../render/arbitrary-stack.ts'

const path = '/somewhere/rag/ragscale.yaml'
const said = (text: string) =>
  readStack(text, path).problems.map((problem) => formatProblem('', problem).slice(1))
function stackOf(text: string): Stack {
  const { stack } = readStack(text, path)
  if (stack === null) throw new Error(said(text).join('\n'))
  return stack
}

const llama = 'meta-llama/Llama-3.1-8B-Instruct'
const tall = { component: 'vllm', model: llama, gpu: 'H100' }

/** What breaks a rule: keys set in a file that breaks none, and the key at which it is refused. */
const breaches: readonly [name: string, changes: Readonly<Record<string, unknown>>, key: string][] = [
  [
    'more copies of a shard than nodes',
    {
      'tiers.vector.nodes': 2,
      'tiers.vector.collection.shards': 4,
      'tiers.vector.collection.replication': 3,
    },
    'tiers.vector.collection.replication',
  ],
  [
    'a write that waits for more copies than there are',
    {
      'tiers.vector.nodes': 3,
      'tiers.vector.collection.shards': 3,
      'tiers.vector.collection.replication': 2,
      'tiers.vector.collection.writeConsistency': 3,
    },
    'tiers.vector.collection.writeConsistency',
  ],
  [
    'tensor parallelism that does not divide the heads',
    { 'tiers.generate': { ...tall, tensorParallel: 3 } },
    'tiers.generate.tensorParallel',
  ],
  [
    'tensor parallelism that does not spread the KV heads',
    { 'tiers.generate': { model: 'Qwen/Qwen2.5-0.5B-Instruct', gpu: 'L4', tensorParallel: 7 } },
    'tiers.generate.tensorParallel',
  ],
  [
    'a language model that does not fit its GPUs',
    { 'tiers.generate': { model: 'meta-llama/Llama-3.1-70B-Instruct', gpu: 'H100' } },
    'tiers.generate.gpu',
  ],
  [
    'a context that does not fit beside the weights',
    { 'tiers.generate': { model: llama, gpu: 'L4', maxModelLength: 131_072 } },
    'tiers.generate.gpu',
  ],
  [
    'an autoscaling target that the metric never reaches',
    { 'tiers.generate': { ...tall, maxSequences: 64, autoscale: { target: 64 } } },
    'tiers.generate.autoscale.target',
  ],
  [
    'autoscaling beyond limits.replicas',
    { 'tiers.generate': { ...tall, autoscale: { max: 65 } }, limits: { replicas: 64 } },
    'tiers.generate.autoscale.max',
  ],
  [
    'GPUs beyond limits.gpus when autoscaling is at its most',
    { 'tiers.generate': { ...tall, replicas: 1, autoscale: { max: 9 } }, limits: { gpus: 8 } },
    'limits.gpus',
  ],
  [
    'GPUs beyond limits.gpus at once',
    { 'tiers.generate': { ...tall, replicas: 5, tensorParallel: 2 }, limits: { gpus: 9 } },
    'limits.gpus',
  ],
  [
    'more replicas at least than at most',
    { 'tiers.generate': { ...tall, autoscale: { min: 4, max: 2 } } },
    'tiers.generate.autoscale.min',
  ],
  [
    'a window with more replicas than there may be',
    {
      'tiers.generate': {
        ...tall,
        autoscale: { max: 4, schedule: [{ from: '0 8 * * *', to: '0 18 * * *', replicas: 5 }] },
      },
    },
    'tiers.generate.autoscale.schedule.0.replicas',
  ],
  [
    'a window that ends when it begins',
    {
      'tiers.generate': {
        ...tall,
        autoscale: { max: 4, schedule: [{ from: '0 8 * * *', to: '0  8 * * *', replicas: 3 }] },
      },
    },
    'tiers.generate.autoscale.schedule.0.to',
  ],
  [
    'a cron expression that is none',
    {
      'tiers.generate': {
        ...tall,
        autoscale: { max: 4, schedule: [{ from: '0 24 * * *', to: '0 8 * * *', replicas: 3 }] },
      },
    },
    'tiers.generate.autoscale.schedule.0.from',
  ],
  [
    'a time zone that is none',
    {
      'tiers.generate': {
        ...tall,
        autoscale: {
          max: 4,
          schedule: [{ from: '0 8 * * *', to: '0 18 * * *', replicas: 3, timezone: 'Europe/Berlyn' }],
        },
      },
    },
    'tiers.generate.autoscale.schedule.0.timezone',
  ],
  ['a Service named vllm', { name: 'vllm' }, 'name'],
  ['a key written in the file', { 'tiers.generate': { ...tall, apiKey: 'abc' } }, 'tiers.generate.apiKey'],
  [
    'a provider’s keys where replicas of ours answer',
    { 'tiers.generate': { ...tall, requestsPerMinute: 5 } },
    'tiers.generate.requestsPerMinute',
  ],
]

/** The line of a key, in JSON with a line for each. */
function lineOf(text: string, key: string): number {
  const lines = text.split('\n')
  let from = 0
  for (const [depth, segment] of key.split('.').entries()) {
    const indent = ' '.repeat(2 * (depth + 1))
    const item = /^\d+$/.test(segment)
    from = lines.findIndex(
      (line, index) => index > from && line.startsWith(item ? `${indent}{` : `${indent}"${segment}":`),
    )
  }
  return from + 1
}

describe('a file that breaks no rule', () => {
  test('is a stack, whatever else it says', () => {
    fc.assert(
      fc.property(arbitraryStackFile(), (file) => {
        const { stack, problems } = readStack(JSON.stringify(file), path)
        expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
        expect(stack).not.toBeNull()
      }),
      { numRuns: 100 },
    )
  })
})

describe('in any such file', () => {
  test.each(breaches)('%s is refused, at its own line', (_name, changes, key) => {
    fc.assert(
      fc.property(arbitraryStackFile(), (file: StackFile) => {
        const broken = Object.entries(changes).reduce(
          (result: unknown, [at, value]) => setIn(result, at.split('.'), value),
          file,
        )
        const text = JSON.stringify(broken, null, 2)
        const { stack, problems } = readStack(text, path)
        expect(stack).toBeNull()
        const found = problems.find((problem) => problem.severity === 'error' && problem.key === key)
        expect(found, JSON.stringify(problems)).toBeDefined()
        expect(found?.line).toBe(lineOf(text, key))
      }),
      { numRuns: 15 },
    )
  })
})

describe('what is refused names a cure', () => {
  test('that is taken: tensorParallel, gpu and maxModelLength as they are proposed all fit', () => {
    const fitting = (model: string, keys: string) =>
      said(`target: compose\ntiers: { generate: { model: ${model}, ${keys} } }`).filter((line) =>
        line.includes(' × '),
      )
    for (const { name } of languageModels) {
      for (const gpu of gpus) {
        const keys = { gpu: gpu.name, maxModelLength: '16384' }
        const [refusal = ''] = fitting(name, `gpu: ${keys.gpu}, maxModelLength: ${keys.maxModelLength}`)
        for (const cure of /\(([^()]+)\)$/.exec(refusal)?.[1]?.split(', or ') ?? []) {
          const [key = '', value = ''] = cure.split(': ')
          const cured = Object.entries({ ...keys, [key]: value }).map((pair) => pair.join(': '))
          expect(fitting(name, cured.join(', ')), `${refusal} → ${cure}`).toEqual([])
        }
      }
    }
  })

  test('with the numbers of GPUs that the heads can be spread over', () => {
    const of = (component: string) =>
      said(
        `target: compose\ntiers: { generate: { component: ${component}, model: Qwen/Qwen2.5-7B-Instruct, gpu: H100, tensorParallel: 3 } }`,
      ).join()
    expect(of('vllm')).toMatch(/28 attention heads, which do not divide by 3 \(1, 2, 4 or 28\)$/)
    expect(of('tgi')).toMatch(/\(1, 2 or 4\)$/)
  })
})

describe('autoscaling', () => {
  const generate = (autoscale: string, more = '') =>
    `target: kubernetes\ntiers: { generate: { model: ${llama}, gpu: H100, replicas: 3, autoscale: ${autoscale} } }\n${more}`

  test('goes from replicas to limits.replicas, or to twice as many, and is held to what the catalogue says', () => {
    const stack = stackOf(generate('{}'))
    expect(stack.tiers.generate?.autoscale).toEqual({
      min: 3,
      max: 6,
      target: scalingOf(stack, 'generate')?.defaultTarget,
      schedule: [],
    })
    expect(stackOf(generate('{}', 'limits: { replicas: 5 }')).tiers.generate?.autoscale?.max).toBe(5)
  })

  test('of a gateway is held to a duration, in milliseconds', () => {
    const text = `tiers: { gateway: { autoscale: { target: 80ms } }, embed: { model: BAAI/bge-base-en-v1.5 }, vector: {}, generate: { model: ${llama}, gpu: H100 } }`
    expect(stackOf(text).tiers.gateway?.autoscale?.target).toBe(80)
  })

  test('keeps its windows, which are in UTC unless they say otherwise', () => {
    const windows = '{ schedule: [{ from: 0 8 * * 1-5, to: 0 18 * * MON-FRI, replicas: 4 }] }'
    expect(stackOf(generate(windows)).tiers.generate?.autoscale?.schedule).toEqual([
      { from: '0 8 * * 1-5', to: '0 18 * * MON-FRI', timezone: 'UTC', replicas: 4 },
    ])
  })

  test('that begins with more than it may have is a warning', () => {
    expect(said(generate('{ min: 1, max: 2 }'))).toEqual([
      expect.stringMatching(/^2:\d+ warning: tiers.generate.replicas: 3 to begin with/),
    ])
  })

  test('of what has no metrics is refused', () => {
    const text =
      'target: kubernetes\ntiers: { generate: { component: ollama, model: "llama3.1:8b", gpu: L4, autoscale: {} } }'
    expect(said(text)).toEqual([expect.stringContaining('nothing is known that ollama could follow')])
  })
})

describe('a provider', () => {
  const provided = (more: string) =>
    `target: compose\ntiers: { generate: { component: openai, model: m, ${more} } }`

  test('is one tier with its terms, and the OpenAI API where nothing else is said', () => {
    expect(stackOf(provided('requestsPerMinute: 1k')).tiers.generate).toEqual({
      component: 'openai',
      model: 'm',
      replicas: 1,
      maxModelLength: 8192,
      provider: {
        url: 'https://api.openai.com',
        apiKeyEnv: 'OPENAI_API_KEY',
        requestsPerMinute: 1000,
        tokensPerMinute: null,
        inputPrice: null,
        outputPrice: null,
      },
    })
  })

  test('gets no key that was meant for another one', () => {
    expect(said(provided('requestsPerMinute: 5, url: https://other.example'))).toEqual([
      expect.stringMatching(/apiKeyEnv: missing: OPENAI_API_KEY is sent to https:\/\/api.openai.com only/),
    ])
    expect(said(provided('requestsPerMinute: 5, url: https://other.example, apiKeyEnv: OTHER_KEY'))).toEqual(
      [],
    )
  })

  test('has no replicas, GPUs, image, resources or autoscaling', () => {
    const all = 'replicas: 2, gpu: L4, image: a/b:c, resources: { cpus: 2 }, autoscale: {}, tensorParallel: 2'
    const found = said(provided(`requestsPerMinute: 5, ${all}`))
    expect(found).toHaveLength(6)
    for (const line of found) expect(line).toContain('means nothing with component openai')
  })

  test('needs a timing where it is rehearsed: no data sheet tells one', () => {
    const text = provided('requestsPerMinute: 5').replace('target: compose', 'target: local')
    expect(said(text)).toEqual([
      expect.stringContaining('or give the timing yourself: tiers.generate.emulate'),
    ])
    expect(
      said(
        text.replace(
          'requestsPerMinute: 5',
          'requestsPerMinute: 5, emulate: { model: fifo, mean: 1s, servers: 99 }',
        ),
      ),
    ).toEqual([])
  })
})

describe('support tiers', () => {
  test('are kept apart from the tiers that queries visit', () => {
    const text = `target: compose
rehearse: true
tiers:
  embed: { model: BAAI/bge-base-en-v1.5 }
  vector: {}
  worker: { resources: { cpus: 0.5, memory: 1GiB }, image: registry.example/worker:1 }
  queue: {}
  metadata: { replicas: 3, resources: { memory: 2GiB } }
balancer: { component: haproxy, replicas: 2, image: registry.example/haproxy:3 }
`
    const stack = stackOf(text)
    expect(stack.rehearse).toBe(true)
    expect(Object.keys(stack.tiers)).toEqual(['embed', 'vector', 'worker'])
    expect(stack.tiers.worker).toMatchObject({
      image: 'registry.example/worker:1',
      resources: { cpus: 0.5, memoryBytes: 2 ** 30 },
    })
    expect(stack.support).toEqual({
      queue: { component: 'redis', replicas: 1 },
      metadata: { component: 'postgres', replicas: 3, resources: { memoryBytes: 2 ** 31 } },
    })
    expect(stack.balancer).toEqual({
      component: 'haproxy',
      policy: 'least-connections',
      replicas: 2,
      image: 'registry.example/haproxy:3',
    })
  })
})

describe('a cron expression', () => {
  test.each([
    '* * * * *',
    '0 8 * * 1-5',
    '*/15 0-6,22-23 1 jan,JUL sun',
    '5/10 ? ? * MON-fri',
    '0 0 31 12 6',
  ])('is right: %s', (text) => expect(cronProblem(text)).toBeNull())
  test.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 7',
    '5-1 * * * *',
    '*/0 * * * *',
    '1-2-3 * * * *',
    'a * * * *',
    '@daily',
    '1,,2 * * * *',
    '* * * foo *',
  ])('is none: %j', (text) => expect(cronProblem(text)).not.toBeNull())

  test('of any numbers within their fields is right', () => {
    const within = (low: number, high: number) => fc.integer({ min: low, max: high })
    fc.assert(
      fc.property(within(0, 59), within(0, 23), within(1, 31), within(1, 12), within(0, 6), (...parts) => {
        expect(cronProblem(parts.join(' '))).toBeNull()
      }),
    )
  })
})

describe('a time zone', () => {
  test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata', 'Etc/GMT+5'])(
    'is one: %s',
    (name) => expect(timeZoneProblem(name)).toBeNull(),
  )
  test.each(['Europe/Berlyn', 'europe/berlin', 'EUROPE/BERLIN', 'CET+1', '+01:00', '', 'utc'])(
    'is none, or not as the database spells it: %j',
    (name) => expect(timeZoneProblem(name)).not.toBeNull(),
  )
})
