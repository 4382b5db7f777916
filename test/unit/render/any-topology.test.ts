import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { balancedTiersOf } from '../../../src/catalog/balancing.ts'
import type { Container } from '../../../src/catalog/container.ts'
import { secretNameOf, secretNames } from '../../../src/catalog/secrets.ts'
import { type RenderTarget, renderTargets } from '../../../src/render/topology.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { expandVariables } from '../../../src/services/config-file.ts'
import { collectionConfigSchema } from '../../../src/services/collection/config.ts'
import { parseQdrantConfig } from '../../../src/services/emulators/qdrant/config.ts'
import { parseTeiConfig } from '../../../src/services/emulators/tei/config.ts'
import { parseVllmConfig } from '../../../src/services/emulators/vllm/config.ts'
import { gatewayConfigSchema } from '../../../src/services/gateway/config.ts'
import { workerConfigSchema } from '../../../src/services/worker/config.ts'
import type { Stack } from '../../../src/stack/stack.ts'
import { arbitraryStack } from './arbitrary-stack.ts'
import { configOf, workload } from './asked-of-topology.ts'

const containerTargets = ['compose', 'swarm', 'kubernetes'] as const
const anyTarget = fc.constantFrom(...renderTargets)
const anyContainerTarget = fc.constantFrom<RenderTarget>(...containerTargets)

/** Each draws stacks of its own, so that all of them together see some hundreds. */
const runs = { numRuns: 25 }
// Reading, checking and wiring up a stack takes some 20 ms: a busy machine needs more than the usual 5 s.
vi.setConfig({ testTimeout: 60_000 })

describe('the topology of any stack', () => {
  test('names every workload once, by a DNS label', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        const names = topologyOf(stack, target).workloads.map(({ name }) => name)
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(name).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)
      }),
      runs,
    )
  })

  test('has everything before what waits for it, and so no circle', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const before = new Set<string>()
        for (const { name, after } of topologyOf(stack, target).workloads) {
          for (const { name: awaited } of after)
            expect(before, `${name} waits for ${awaited}`).toContain(awaited)
          before.add(name)
        }
      }),
      runs,
    )
  })

  test('waits until jobs end and until servers are healthy, which they can say', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const whole = topologyOf(stack, target)
        for (const { after } of whole.workloads) {
          for (const { name, until } of after) {
            const { kind, container } = workload(whole, name)
            expect(until).toBe(kind === 'job' ? 'completed' : 'healthy')
            if (kind !== 'job') expect(container.health).not.toBeNull()
          }
        }
      }),
      runs,
    )
  })

  test('asks for no secret that is not known, and never for one twice', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        const { embed, generate } = stack.tiers
        const known = new Set<string>([
          ...Object.values(secretNames),
          ...[embed, generate].flatMap((tier) =>
            tier?.provider ? [secretNameOf(tier.provider.apiKeyEnv)] : [],
          ),
        ])
        for (const { container } of topologyOf(stack, target).workloads) {
          const names = container.secrets.map(({ name }) => name)
          expect(new Set(names).size).toBe(names.length)
          for (const name of names) expect(known).toContain(name)
        }
      }),
      runs,
    )
  })

  test('says a command wherever a secret has to be exported before it', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          if (container.secrets.some(({ valueEnv }) => valueEnv !== undefined)) {
            expect(container.command).toBeDefined()
          }
        }
      }),
      runs,
    )
  })

  test('has a server behind each port of the balancer, at the port that the balancer calls', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const whole = topologyOf(stack, target)
        const balancer = workload(whole, 'balancer').container
        for (const tier of balancedTiersOf(stack)) {
          const { container, count } = workload(whole, tier)
          expect(count).toBeGreaterThan(0)
          expect(Object.keys(balancer.ports)).toContain(tier)
          const text = balancer.files.map((file) => file.text).join('\n')
          expect(text).toContain(String(container.ports['http']))
        }
      }),
      runs,
    )
  })

  test('takes as many GPUs as the stack says, and none in a rehearsal', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const taken = topologyOf(stack, target).workloads.reduce(
          (sum, { kind, count, container }) => sum + (kind === 'job' ? 0 : count * container.gpus),
          0,
        )
        expect(taken).toBe(stack.rehearse ? 0 : gpusOf(stack))
      }),
      runs,
    )
  })

  test('gives every container an image with a tag, a reason for it, and resources within their limits', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { name, because, container } of topologyOf(stack, target).workloads) {
          expect(container.image.reference, name).toMatch(/^[^\s:]+(:\d+\/[^\s:]+)?:[\w.-]+$/)
          expect(container.image.because).not.toBe('')
          expect(because).not.toBe('')
          const { request, limit } = container.resources
          expect(container.resources.because, name).not.toBe('')
          expect(request.cpus).toBeGreaterThan(0)
          expect(limit.memoryBytes, name).toBeGreaterThanOrEqual(request.memoryBytes)
          expect(Number.isInteger(request.memoryBytes) && Number.isInteger(limit.memoryBytes), name).toBe(
            true,
          )
          if (limit.cpus !== null) expect(limit.cpus).toBeGreaterThanOrEqual(request.cpus)
        }
      }),
      runs,
    )
  })

  test('runs nothing as root but what its image is made for, and says who else it is', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        for (const { name, container } of topologyOf(stack, target).workloads) {
          if (container.root) expect(container.user, name).toBeUndefined()
          else expect(container.user, name).toMatch(/^[1-9]\d*:\d+$/)
        }
      }),
      runs,
    )
  })

  test('mounts each path once, and every file at an absolute path', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          const paths = [...container.mounts, ...container.files].map(({ path }) => path)
          expect(new Set(paths).size).toBe(paths.length)
          for (const path of paths) expect(path).toMatch(/^\//)
        }
      }),
      runs,
    )
  })

  test('tells our own services what they accept', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          if (container.image.build === 'ragscale' || runsOurs(container)) acceptedByItsService(container)
        }
      }),
      runs,
    )
  })

  test('is the same each time', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        expect(topologyOf(stack, target)).toEqual(topologyOf(stack, target))
      }),
      { numRuns: 10 },
    )
  })
})

function gpusOf({ tiers }: Stack): number {
  return [tiers.embed, tiers.rerank, tiers.generate].reduce((sum, tier) => {
    if (tier?.gpu === undefined || tier.gpu.toLowerCase() === 'cpu') return sum
    return sum + tier.replicas * (tier.tensorParallel ?? 1)
  }, 0)
}

/** An image of the user's own may be in the place of ours: the service is the same. */
function runsOurs({ args, files }: Container): boolean {
  return args?.length === 1 && files.some(({ path }) => path === '/etc/ragscale/config.json')
}

const environment = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (String(name).endsWith('_URL') ? 'http://somewhere.example:8081' : 'a-host') },
)

function acceptedByItsService(container: Container): void {
  const [service] = container.args ?? []
  const text = JSON.stringify(configOf(container))
    // As the chart would have evaluated it.
    .replaceAll(/\{\{ include `ragscale\.url` [^}]*\}\}/g, 'http://somewhere.example:8081')
    .replaceAll(/\{\{[^}]*\}\}/g, 'release')
  const config = expandVariables(JSON.parse(text), environment)
  const parsers: Record<string, (given: unknown) => unknown> = {
    gateway: (given) => gatewayConfigSchema.parse(given),
    worker: (given) => workerConfigSchema.parse(given),
    collection: (given) => collectionConfigSchema.parse(given),
    'emulators/tei': parseTeiConfig,
    'emulators/vllm': parseVllmConfig,
    'emulators/qdrant': parseQdrantConfig,
  }
  const parse = parsers[service ?? '']
  if (parse === undefined) throw new Error(`there is no service ${service}`)
  parse(config)
}
