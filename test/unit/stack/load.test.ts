import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExitCode, UserError } from '../../../src/errors.ts'
import { loadStack, readStack } from '../../../src/stack/load.ts'
import { ConfigError, type Problem, formatProblem } from '../../../src/stack/problems.ts'
import type { Stack } from '../../../src/stack/stack.ts'

const file = '/somewhere/rag/ragscale.yaml'

function problemsOf(text: string): readonly Problem[] {
  return readStack(text, file).problems
}

/** Each as `line:column key: message (hint)`. */
function said(text: string): string[] {
  return problemsOf(text).map((problem) => formatProblem('', problem).slice(1))
}

function stackOf(text: string): Stack {
  const { stack, problems } = readStack(text, file)
  if (stack === null) throw new Error(problems.map((problem) => formatProblem(file, problem)).join('\n'))
  return stack
}

const embed = 'tiers: { embed: { model: BAAI/bge-base-en-v1.5 } }\n'
const whole = `name: handbook
target: local
tiers:
  gateway: { replicas: 2 }
  embed: { model: BAAI/bge-base-en-v1.5, gpu: L4 }
  vector: { nodes: 3, collection: { points: 1_000_000, shards: 6, replication: 2 } }
  generate: { model: meta-llama/Llama-3.1-8B-Instruct, gpu: H100 }
  cache: { component: redis, embeddings: { ttl: 1h }, answers: { ttl: 10m } }
workload: { rate: 20/s, arrivals: gamma:2, queries: data/queries.jsonl, skew: { zipf: 0.9 } }
slo:
  pipeline: { p95: 2s, ttft.p99: 1s, errors: 0.1% }
limits: { replicas: 16, gpus: 8, budget: 20000/month, load: { rate: 100/s } }
`

describe('a right file', () => {
  test('is read with its units, its defaults and its paths', () => {
    const stack = stackOf(whole)
    expect(problemsOf(whole)).toEqual([])
    expect(stack.tiers.gateway).toEqual({ component: 'reference', replicas: 2 })
    expect(stack.tiers.embed).toEqual({
      component: 'tei',
      model: 'BAAI/bge-base-en-v1.5',
      replicas: 1,
      gpu: 'L4',
    })
    expect(stack.tiers.vector).toMatchObject({
      nodes: 3,
      collection: { points: 1e6, dimensions: 768, shards: 6, distance: 'Cosine' },
    })
    expect(stack.tiers.generate).toMatchObject({ tensorParallel: 1, maxModelLength: 8192, maxSequences: 256 })
    expect(stack.tiers.cache?.cache).toEqual({
      embeddings: 3_600_000,
      retrievals: null,
      answers: 600_000,
      entries: 10_000,
    })
    expect(stack.workload).toMatchObject({
      rate: 20,
      arrivals: { kind: 'gamma', burstiness: 2 },
      queries: '/somewhere/rag/data/queries.jsonl',
      zipf: 0.9,
    })
    expect(stack.limits).toEqual({
      replicas: 16,
      gpus: 8,
      budgetPerMonth: 20_000,
      load: { rate: 100, requests: null, spend: null },
    })
  })

  test('names each SLO by stage, metric and percentile; on pipeline, ttft counts from when the query was due', () => {
    expect(stackOf(whole).slo).toEqual([
      {
        on: 'pipeline.latency.p95',
        stage: 'pipeline',
        metric: 'latency',
        percentile: 'p95',
        limit: 2000,
        unit: 'ms',
      },
      {
        on: 'pipeline.rag_ttft.p99',
        stage: 'pipeline',
        metric: 'rag_ttft',
        percentile: 'p99',
        limit: 1000,
        unit: 'ms',
      },
      {
        on: 'pipeline.errors',
        stage: 'pipeline',
        metric: 'errors',
        percentile: null,
        limit: 0.001,
        unit: 'ratio',
      },
    ])
  })

  test('may be JSON, may share values by anchors, and may leave a key without a value', () => {
    expect(
      stackOf('{ "tiers": { "embed": { "model": "BAAI/bge-base-en-v1.5", "replicas": 2 } } }').tiers.embed
        ?.replicas,
    ).toBe(2)
    const shared =
      'tiers:\n  embed: &one { model: BAAI/bge-base-en-v1.5, replicas: 4 }\n  rerank: { <<: *one, model: BAAI/bge-reranker-base }\nlimits:\n'
    expect(stackOf(shared).tiers.rerank?.replicas).toBe(4)
  })

  test('keeps a timing chosen with emulate', () => {
    const emulate = (text: string) =>
      stackOf(`tiers: { embed: { model: my/own, emulate: ${text} } }`).tiers.embed?.emulate
    expect(emulate('{ model: fifo, law: exponential, mean: 10ms, servers: 4, queueLimit: 100 }')).toEqual({
      model: 'fifo',
      law: { kind: 'exponential', meanMs: 10 },
      servers: 4,
      queueLimit: 100,
    })
    expect(emulate('{ model: fifo, law: bimodal, mean: 10ms, slowShare: 5%, slowFactor: 20 }')).toMatchObject(
      {
        law: { kind: 'bimodal', meanMs: 10, slowShare: 0.05, slowFactor: 20 },
        queueLimit: null,
      },
    )
    expect(emulate('{ model: fifo, law: lognormal, mean: 0.5ms, cv: 1.5 }')).toMatchObject({
      law: { kind: 'lognormal', meanMs: 0.5, cv: 1.5 },
    })
    expect(emulate('{ model: batching, overhead: 3ms, perToken: 20us }')).toEqual({
      model: 'batching',
      overheadMs: 3,
      msPerToken: 0.02,
      maxBatchTokens: 16_384,
      maxConcurrent: 512,
      cv: 0,
    })
    const search =
      'tiers: { vector: { collection: { dimensions: 8 }, emulate: { model: search, base: 2ms, fanout: 1ms } } }'
    expect(stackOf(search).tiers.vector?.emulate).toMatchObject({
      model: 'search',
      servers: 1,
      baseMs: 2,
      fanoutMs: 1,
    })
    const decode =
      'tiers: { generate: { model: m, emulate: { model: continuous, step: 10ms, perSequence: 100us, perPrefillToken: 50us } } }'
    expect(stackOf(decode).tiers.generate?.emulate).toMatchObject({
      model: 'continuous',
      stepMs: 10,
      msPerSequence: 0.1,
    })
  })

  test('with target external has endpoints in place of tiers', () => {
    const stack = stackOf(`target: external
endpoints:
  embed:    { url: http://127.0.0.1:9001, protocol: tei }
  vector:   { url: http://127.0.0.1:6333, collection: docs, apiKeyEnv: QDRANT_API_KEY, replicas: 3 }
  pipeline: { url: 'http://127.0.0.1:8080/query', protocol: http, body: '{"question": {{query}}}', answer: $.answer, headersEnv: { Authorization: RAG_TOKEN }, caFile: ca.pem, timeout: 10s }
slo: { pipeline: { p99: 3s } }
`)
    expect(stack.endpoints).toEqual({
      embed: { url: 'http://127.0.0.1:9001', protocol: 'tei', replicas: 1 },
      vector: {
        url: 'http://127.0.0.1:6333',
        protocol: 'qdrant',
        collection: 'docs',
        apiKeyEnv: 'QDRANT_API_KEY',
        replicas: 3,
      },
      pipeline: {
        url: 'http://127.0.0.1:8080/query',
        protocol: 'http',
        body: '{"question": {{query}}}',
        answer: '$.answer',
        headersEnv: { Authorization: 'RAG_TOKEN' },
        caFile: '/somewhere/rag/ca.pem',
        timeoutMs: 10_000,
        replicas: 1,
      },
    })
  })
})

describe('a wrong file', () => {
  test.each([
    [
      'an unknown key, with the nearest known one',
      `${embed}worklod: {}`,
      '2:1 worklod: unknown key (did you mean workload?)',
    ],
    [
      'an unknown key that is near none',
      `${embed}zzz: 1`,
      '2:1 zzz: unknown key (known here: name, target, rehearse, tiers, balancer, workload, slo, limits, endpoints)',
    ],
    [
      'a key of another tier',
      'tiers: { vector: { replicas: 2, collection: { dimensions: 3 } } }',
      '1:20 tiers.vector.replicas: unknown key (a vector tier is counted in nodes)',
    ],
    [
      'a wrong word',
      'target: locl\n' + embed,
      '1:9 target: expected local, compose, swarm, kubernetes or external, got "locl": did you mean local?',
    ],
    [
      'a rate without a unit',
      `${embed}workload:\n  rate: 20`,
      '3:9 workload.rate: expected a rate such as 20/s, 1200/m or 1M/day, got 20: did you mean 20/s?',
    ],
    [
      'a map where text belongs',
      `${embed}workload: { rate: { a: 1 } }`,
      '2:13 workload.rate: expected a rate such as 20/s, 1200/m or 1M/day, got a map',
    ],
    [
      'text where a map belongs',
      `${embed}workload: fast`,
      '2:11 workload: expected a map of keys, got "fast"',
    ],
    ['a file that is no map', '- a\n', '1:1 expected a map of keys, got a list'],
    [
      'a missing key',
      'tiers:\n  embed: { replicas: 1 }',
      '2:3 tiers.embed.model: missing (The embedding model, by its Hugging Face name)',
    ],
    [
      'a broken law',
      'tiers: { embed: { model: m, emulate: { model: fifo, law: lognormal, mean: 1ms } } }',
      '1:29 tiers.embed.emulate.cv: missing: law lognormal needs it',
    ],
    [
      'a timing of another tier',
      'tiers: { embed: { model: m, emulate: { model: serch, base: 1ms } } }',
      '1:47 tiers.embed.emulate.model: expected batching or fifo, got "serch"',
    ],
    [
      'the wrong arrivals',
      `${embed}workload: { arrivals: gamma }`,
      '2:23 workload.arrivals: expected poisson, constant, gamma:2 (burstiness) or trace:FILE, got "gamma"',
    ],
    [
      'more copies than nodes',
      'tiers: { vector: { nodes: 2, collection: { dimensions: 3, replication: 3 } } }',
      '1:72 tiers.vector.collection.replication: 3 copies of a shard need as many nodes; there are 2',
    ],
    [
      'dimensions that the model does not give',
      'tiers: { embed: { model: BAAI/bge-base-en-v1.5 }, vector: { collection: { dimensions: 384 } } }',
      '1:87 tiers.vector.collection.dimensions: BAAI/bge-base-en-v1.5 gives vectors of 768 dimensions, not 384',
    ],
    [
      'an unknown GPU',
      'tiers: { embed: { model: BAAI/bge-base-en-v1.5, gpu: L5 } }',
      '1:54 tiers.embed.gpu: no timing is known for this GPU; known are cpu, T4, L4, A10G, RTX4090, RTX5090, L40, L40S, A100, H100, H200, B200 (or give the timing yourself: tiers.embed.emulate)',
    ],
    [
      'a model that does not fit its GPU',
      'tiers: { generate: { model: meta-llama/Llama-3.1-70B-Instruct, gpu: H100 } }',
      '1:69 tiers.generate.gpu: meta-llama/Llama-3.1-70B-Instruct on 1 × H100: its weights do not fit (or give the timing yourself: tiers.generate.emulate)',
    ],
    [
      'an SLO on what is not there',
      `${embed}slo: { rerank: { p99: 1s } }`,
      '2:8 slo.rerank: there is no tier rerank to hold to it',
    ],
    [
      'two limits on one metric',
      `${embed}slo: { embed: { p99: 1s, latency.p99: 2s } }`,
      '2:39 slo.embed.latency.p99: limits the same as p99 does',
    ],
    [
      'a gateway without what it calls',
      'tiers: { gateway: {}, embed: { model: BAAI/bge-base-en-v1.5 }, vector: {} }',
      '1:10 tiers.gateway: needs a tier generate',
    ],
    ['nothing to run', 'name: empty', '1:1 tiers: no tier: nothing would run (tiers.embed, for example)'],
    [
      'external without endpoints',
      'target: external',
      '1:9 target: target external needs endpoints (endpoints.embed.url, for example)',
    ],
    [
      'endpoints on another target',
      `${embed}endpoints: { embed: { url: 'http://a' } }`,
      '2:14 endpoints.embed: endpoints are for target external; this target is local',
    ],
    [
      'a URL that is none',
      'target: external\nendpoints: { embed: { url: localhost } }',
      '2:28 endpoints.embed.url: expected a URL that begins with http:// or https://',
    ],
    [
      'a template without the query',
      'target: external\nendpoints: { pipeline: { url: http://a, protocol: http, body: "{}", answer: $.a } }',
      '2:63 endpoints.pipeline.body: has no {{query}} in it: every request would be the same',
    ],
    [
      'a template that is not JSON',
      'target: external\nendpoints: { pipeline: { url: http://a, protocol: http, body: "{{query}}, {{query}}", answer: $.a } }',
      `2:63 endpoints.pipeline.body: is not JSON once {{query}} has become the query in quotes ('{"question": {{query}}}', for example)`,
    ],
    [
      'a service that nothing is looked for in',
      'target: external\nendpoints: { pipeline: { url: http://a, protocol: http, body: "{{query}}" } }',
      '2:14 endpoints.pipeline.answer: missing: protocol http looks for the answer there',
    ],
    [
      'a URL that no path can be put behind',
      'target: external\nendpoints: { embed: { url: "http://a?version=1" } }',
      '2:28 endpoints.embed.url: has a ? or # in it, and the path of each request is put behind it (put what follows the ? into a header (headersEnv), or use an endpoint of protocol http)',
    ],
    [
      'a certificate without its key',
      'target: external\nendpoints: { embed: { url: http://a, certFile: a.pem } }',
      '2:48 endpoints.embed.certFile: needs keyFile beside it',
    ],
  ])('%s', (_name, text, message) => {
    expect(said(text)).toEqual([message])
    expect(readStack(text, file).stack).toBeNull()
  })

  test.each([
    ['replicas: 0', 'a whole number from 1 to 1_000, got 0'],
    ['replicas: -2', 'got -2'],
    ['replicas: 1.5', 'got 1.5'],
    ['replicas: .nan', 'got NaN'],
    ['replicas: .inf', 'got Infinity'],
    ['replicas: 1_000_000_000_000', 'got "1_000_000_000_000"'],
    ['replicas: 1e12', 'got 1000000000000'],
    ['replicas: three', 'got "three"'],
    ['replicas: true', 'got true'],
    ['replicas: [1]', 'got a list'],
  ])('refuses the impossible number in %s', (text, message) => {
    expect(said(`tiers: { embed: { model: BAAI/bge-base-en-v1.5, ${text} } }`)).toEqual([
      expect.stringContaining(message),
    ])
  })

  test('says all that is wrong at once, in the order of the file, rules across keys included', () => {
    const text = `name: Handbook
tiers:
  embed: { model: BAAI/bge-base-en-v1.5, replicas: three }
  vector: { nodes: 3, collection: { shards: 7, replication: 4 } }
workload: { rate: 20 }
slo: { rerank: { p99: 1 } }
`
    expect(problemsOf(text).map(({ line, severity, key }) => [line, severity, key])).toEqual([
      [1, 'error', 'name'],
      [3, 'error', 'tiers.embed.replicas'],
      [4, 'warning', 'tiers.vector.collection.shards'],
      [4, 'error', 'tiers.vector.collection.replication'],
      [5, 'error', 'workload.rate'],
      [6, 'error', 'slo.rerank.p99'],
    ])
  })

  test('a rule says nothing about a value that could not be read', () => {
    const text = 'tiers: { vector: { nodes: three, collection: { dimensions: 3, replication: 2 } } }'
    expect(problemsOf(text).map((problem) => problem.key)).toEqual(['tiers.vector.nodes'])
  })

  test.each([
    ['tiers: [a', 1],
    ['tiers:\n  embed: {\n', 3],
    ['name: a\nname: b\n', 2],
    ['a: *nowhere\n', 1],
    ['name: "a\n', 2],
    ['a:\n\t- b\n', 2],
  ])('that is not YAML is placed: %j', (text, line) => {
    const problems = problemsOf(text)
    expect(problems[0]?.severity).toBe('error')
    expect(problems.map((problem) => problem.line)).toContain(line)
  })

  test.each([
    ['maps without end', 'tiers: &t { embed: *t, vector: *t }'],
    ['brackets by the thousand', '['.repeat(100_000)],
    [
      'aliases that multiply',
      Array.from(
        { length: 12 },
        (_, n) =>
          `a${n}: &a${n} [${Array<string>(9)
            .fill(n === 0 ? 'x' : `*a${n - 1}`)
            .join()}]`,
      ).join('\n'),
    ],
    ['a file that is too large', `# ${'x'.repeat(2 ** 20)}`],
  ])('%s are refused, in a few words', (_name, text) => {
    expect(problemsOf(text)[0]?.severity).toBe('error')
    expect(problemsOf(text).length).toBeLessThanOrEqual(5)
  })

  test('a warning does not stop the stack', () => {
    const { stack, problems } = readStack(
      'tiers: { vector: { nodes: 3, collection: { dimensions: 3, shards: 7, replication: 2 } } }',
      file,
    )
    expect(stack).not.toBeNull()
    expect(problems).toEqual([
      {
        severity: 'warning',
        key: 'tiers.vector.collection.shards',
        message: '7 shards do not spread evenly over 3 nodes',
        hint: 'a multiple of the nodes, such as 9',
        line: 1,
        column: 67,
      },
    ])
  })

  test('no text makes reading throw', () => {
    const yamlish = fc.array(
      fc.constantFrom(
        'tiers',
        ':',
        ' ',
        '\n',
        '  ',
        '{',
        '}',
        '- ',
        '&a',
        '*a',
        '<<',
        '"',
        '#',
        'slo',
        '1',
        '!!x',
        '|',
      ),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          yamlish.map((parts) => parts.join('')),
          fc.json(),
        ),
        (text) => {
          const { stack, problems } = readStack(text, file)
          expect(stack === null).toBe(problems.some((problem) => problem.severity === 'error'))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('a secret', () => {
  const secret = 'hunter2hunter2hunter2'
  test.each([
    `target: external\nendpoints: { embed: { url: http://a, apiKey: ${secret} } }`,
    `target: external\nendpoints: { embed: { url: http://a, headers: { Authorization: ${secret} } } }`,
    `target: external\nendpoints: { embed: { url: 'http://me:${secret}@a' } }`,
    `target: external\nendpoints: { embed: { url: 'http://a/?api_key=${secret}' } }`,
    `target: external\nendpoints: { embed: { url: http://a, apiKeyEnv: 'Bearer ${secret}' } }`,
    `target: external\nendpoints: { embed: { url: http://a, apiKeyEnv: 'sk-${secret}' } }`,
    `target: external\nendpoints: { embed: { url: http://a, apiKeyEnv: '${secret}-' } }`,
    `tiers: { embed: { model: m, token: ${secret} } }`,
    `${embed}password: ${secret}`,
  ])('written in the file is refused and not repeated: %s', (text) => {
    const shown = said(text)
    expect(shown.join('\n')).toMatch(/secret|user name or password/)
    expect(shown.join('\n')).not.toContain(secret)
    expect(readStack(text, file).stack).toBeNull()
  })
})

describe('loading from disk', () => {
  const reading = (text: string) => ({ cwd: '/somewhere/rag', read: () => Promise.resolve(text) })

  test('throws everything that is wrong as one error, exit 2', async () => {
    const error = await loadStack('ragscale.yaml', reading('nme: a\ntarget: locl\n')).catch(
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).exitCode).toBe(ExitCode.usage)
    expect((error as ConfigError).code).toBe('config')
    expect((error as ConfigError).message).toBe(
      [
        'ragscale.yaml: 2 things to mend',
        '  ragscale.yaml:1:1 nme: unknown key (did you mean name?)',
        '  ragscale.yaml:2:9 target: expected local, compose, swarm, kubernetes or external, got "locl": did you mean local?',
      ].join('\n'),
    )
  })

  test('hands over warnings and the stack', async () => {
    const warnings: Problem[] = []
    const text = 'tiers: { vector: { nodes: 2, collection: { dimensions: 3 } } }'
    const stack = await loadStack('ragscale.yaml', {
      ...reading(text),
      warn: (problem) => warnings.push(problem),
    })
    expect(stack.file).toBe(file)
    expect(warnings.map((problem) => problem.key)).toEqual(['tiers.vector.collection.replication'])
  })

  test('a missing file says how to write one', async () => {
    const error = await loadStack('nowhere.yaml', { cwd: '/somewhere/rag' }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({
      message: 'There is no nowhere.yaml.',
      hint: 'Write one with: ragscale init',
      exitCode: 2,
    })
  })
})
