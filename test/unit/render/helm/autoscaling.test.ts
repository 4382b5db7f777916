import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { describeWith } from '../../../tools/describe-with.ts'
import { chartFolder, one, type Release, releaseOf, type Values } from './release.ts'
import { chartOf, fileOf, presetStack } from './stacks.ts'
import { type Variant, variants, whole } from './variants.ts'

// Helm takes a second for a release, and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

await describeWith('helm', 'Replicas that follow the load', (program) => {
  const rendered = chartOf(whole)
  let chart: { path: string; close: () => void }
  beforeAll(() => {
    chart = chartFolder(rendered)
  })
  afterAll(() => chart.close())
  const released = (variant: Variant, more: Values = {}): Release =>
    releaseOf(program, chart.path, variants[variant], more)
  const scaled = (tier: string) => one(released('as it is'), 'ScaledObject', `demo-ragscale-${tier}`).spec

  test('are KEDA’s alone: no count is written beside it', () => {
    const { spec } = one(released('as it is'), 'Deployment', 'demo-ragscale-generate')
    expect(spec.replicas).toBeUndefined()
    expect(one(released('replicas as written'), 'Deployment', 'demo-ragscale-generate').spec.replicas).toBe(4)
  })

  test('of generate follow requests running and waiting, of the workers the documents that wait', () => {
    const query = (tier: string) => scaled(tier).triggers[0].metadata.query as string
    expect(query('generate')).toContain('sum(vllm:num_requests_running{job="generate", namespace="rag"})')
    expect(query('generate')).toContain('sum(vllm:num_requests_waiting{job="generate", namespace="rag"})')
    expect(query('worker')).toContain('ragscale_worker_queue_backlog')
    expect(query('gateway')).toContain('histogram_quantile')
  })

  test('count what many share by its average, and a latency as it is', () => {
    expect(scaled('generate').triggers[0].metricType).toBe('AverageValue')
    expect(scaled('gateway').triggers[0].metricType).toBe('Value')
  })

  test('take silence of Prometheus for an error, not for idleness', () => {
    const { triggers, fallback } = scaled('generate')
    expect(triggers[0].metadata.ignoreNullValues).toBe('false')
    expect(fallback).toMatchObject({ replicas: 4, behavior: 'currentReplicasIfHigher' })
  })

  test('are more at once, and fewer one at a time after five minutes', () => {
    const { behavior } = scaled('generate').advanced.horizontalPodAutoscalerConfig
    expect(behavior.scaleUp.stabilizationWindowSeconds).toBe(0)
    expect(behavior.scaleDown).toMatchObject({
      stabilizationWindowSeconds: 300,
      policies: [{ type: 'Pods', value: 1 }],
    })
  })

  test('are asked for by a time window, whatever the load', () => {
    expect(scaled('generate').triggers[1]).toEqual({
      type: 'cron',
      metadata: {
        timezone: 'Europe/Berlin',
        start: '0 8 * * 1-5',
        end: '0 18 * * 1-5',
        desiredReplicas: '6',
      },
    })
  })

  test('are counted by an HPA by the names that prometheus-adapter is given', () => {
    const { spec } = one(released('autoscaled by HPA'), 'HorizontalPodAutoscaler', 'demo-ragscale-generate')
    const { name } = spec.metrics[0].external.metric
    const adapter = parse(fileOf(rendered, 'helm/prometheus-adapter-values.yaml')) as {
      rules: { external: { name: { as: string }; metricsQuery: string }[] }
    }
    const rule = adapter.rules.external.find((one) => one.name.as === name)
    expect(rule?.metricsQuery).toContain('{job="generate", <<.LabelMatchers>>}')
  })

  const of = (tier: string, autoscaling: Values): Values => ({ tiers: { [tier]: { autoscaling } } })
  test.each<[string, Values, string]>([
    ['more than the limit of replicas', of('worker', { max: 17 }), 'limits.replicas is 16'],
    ['more GPUs than the limit', of('generate', { max: 14 }), 'limits.gpus is 16'],
    ['fewer at most than at least', of('worker', { min: 17 }), 'is above max'],
    ['after a load that one can never show', of('generate', { target: 128 }), 'can never be reached'],
    ['more in a window than at most', of('generate', { max: 5 }), 'schedule asks for 6 replicas'],
    ['an HPA’s in time windows', { autoscaling: { provider: 'hpa' } }, 'an HPA knows no time windows'],
  ])('cannot be %s', (_, values, because) => {
    expect(() => released('as it is', values)).toThrow(because)
  })

  test('stay as they are in a stack that asks for nothing else', () => {
    const still = chartFolder(chartOf(presetStack('small')))
    try {
      const { objects } = releaseOf(program, still.path)
      expect(objects.filter(({ kind }) => /Scale/.test(kind))).toEqual([])
    } finally {
      still.close()
    }
  })
})

await describeWith('helm', 'A release is refused', (program) => {
  let chart: { path: string; close: () => void }
  beforeAll(() => {
    chart = chartFolder(chartOf(whole))
  })
  afterAll(() => chart.close())

  test.each<[string, Values, string]>([
    ['when it is called vllm', { fullnameOverride: 'vllm' }, 'may not be called vllm'],
    ['when its Services could not be named', { fullnameOverride: '2rag' }, 'begins with a letter'],
    [
      'when it would be killed while it drains',
      { tiers: { gateway: { terminationGracePeriodSeconds: 15 } } },
      'killed while it drains',
    ],
    ['when its models would be nowhere', { prefetch: { enabled: false } }, 'would start without its model'],
    ['when a key is misspelt', { tiers: { embed: { replica: 3 } } }, "additional properties 'replica'"],
    [
      'when a probe delays what the startup probe is for',
      { tiers: { embed: { probes: { readiness: { initialDelaySeconds: 30 } } } } },
      'tiers/embed/probes/readiness',
    ],
    ['when a route has no way in', { routing: { provider: 'gateway-api' } }, 'name the Gateway'],
    ['when secrets would come to nothing', { secrets: { values: { a: 'b' } } }, 'secrets.create is false'],
    ['when nobody may operate it', { rbac: { operators: { enabled: true } } }, 'say who may'],
  ])('%s', (_, values, because) => {
    expect(() => releaseOf(program, chart.path, values)).toThrow(because)
  })
})
