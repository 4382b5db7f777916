import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Rendered } from '../../../../src/render/rendered.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { arbitraryStack } from '../arbitrary-stack.ts'
import { type ComposeFile, type ComposeService, filesOf, variablesOf, yamlValue } from '../rendered-stack.ts'

interface Drawn {
  readonly files: Rendered
  /** stack.yaml, and one for each profile. */
  readonly stacks: readonly ComposeFile[]
}

/** The same stacks for every test, each rendered once. */
const seed = Math.floor(Math.random() * 2 ** 31)
const rendered = new Map<string, Drawn>()

function drawnOf(stack: Stack): Drawn {
  const key = JSON.stringify(stack)
  const known = rendered.get(key)
  if (known !== undefined) return known
  const files = filesOf(stack, 'swarm')
  const stacks = ['stack', 'observability', 'tracing', 'gpu-metrics'].flatMap((name) => {
    const text = files.get(`${name}.yaml`)
    return text === undefined ? [] : [yamlValue(text)]
  })
  const drawn = { files, stacks }
  rendered.set(key, drawn)
  return drawn
}

function ofAnyStack(check: (drawn: Drawn) => void): void {
  fc.assert(
    fc.property(arbitraryStack({ targets: ['swarm'] }), (stack) => check(drawnOf(stack))),
    { seed, numRuns: 25 },
  )
}

/** What `docker stack deploy` refuses, or takes and then does nothing about. */
const unknownToSwarm = [
  'build',
  'container_name',
  'depends_on',
  'devices',
  'links',
  'pull_policy',
  'profiles',
  'restart',
  'security_opt',
  'shm_size',
  'tmpfs',
]

describe('of any valid stack, the files for Swarm', { timeout: 60_000 }, () => {
  it('say nothing that Swarm does not know', () => {
    ofAnyStack(({ stacks }) => {
      for (const service of servicesOf(stacks)) {
        expect(Object.keys(service).filter((key) => unknownToSwarm.includes(key))).toEqual([])
        expect(service.deploy?.resources?.reservations?.devices).toBeUndefined()
      }
    })
  })

  it('publish nothing but the front door', () => {
    ofAnyStack(({ stacks }) => {
      const ports = servicesOf(stacks).flatMap((service) => service.ports ?? [])
      expect(ports.every((port) => typeof port === 'object' && port.published === 8080)).toBe(true)
      expect(ports.length).toBeLessThanOrEqual(1)
    })
  })

  it('name only volumes, secrets, configs and networks that the same file has', () => {
    ofAnyStack(({ stacks }) => {
      for (const stack of stacks) {
        const all = Object.values(stack.services)
        const volumes = all.flatMap(({ volumes: mounted = [] }) =>
          mounted.flatMap(({ type, source = '' }) => (type === 'volume' ? [source] : [])),
        )
        expect(sorted(volumes)).toEqual(sorted(Object.keys(stack.volumes ?? {})))
        expect(sorted(all.flatMap(({ secrets }) => secrets ?? []))).toEqual(
          sorted(Object.keys(stack.secrets ?? {})),
        )
        const configs = all.flatMap((service) => (service.configs ?? []).map(({ source }) => source))
        expect(sorted(configs)).toEqual(sorted(Object.keys(stack.configs ?? {})))
      }
    })
  })

  it('have each config once, rendered beside them and named in at most 64 characters', () => {
    ofAnyStack(({ files, stacks }) => {
      const configs = stacks.flatMap(({ configs: named = {} }) => Object.values(named))
      for (const { file } of configs) expect(files.has(file.replace('./', ''))).toBe(true)
      const names = configs.map(({ name = '' }) => name)
      expect(names.filter((name) => !/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/.test(name))).toEqual([])
      expect(new Set(names).size).toBe(names.length)
    })
  })

  it('let no volume be mounted by two services, unless it is a cache of models', () => {
    ofAnyStack(({ stacks }) => {
      const own = servicesOf(stacks).flatMap(({ volumes = [] }) =>
        volumes.flatMap(({ type, source = '' }) =>
          type === 'volume' && !source.startsWith('models') ? [source] : [],
        ),
      )
      expect(new Set(own).size).toBe(own.length)
    })
  })

  it('give replicas of one service volumes by their number', () => {
    ofAnyStack(({ stacks }) => {
      for (const stack of stacks) {
        for (const { deploy, volumes = [] } of Object.values(stack.services)) {
          if ((deploy?.replicas ?? 1) === 1) continue
          const own = volumes.filter(
            ({ type, source = '' }) => type === 'volume' && !source.startsWith('models'),
          )
          for (const { source = '' } of own) expect(stack.volumes?.[source]?.name).toContain('{{.Task.Slot}}')
        }
      }
    })
  })

  it('read no variable of the environment but the registry and the version of the secrets', () => {
    ofAnyStack(({ stacks }) => {
      const known = ['RAGSCALE_REGISTRY', 'RAGSCALE_SECRETS']
      expect(variablesOf(JSON.stringify(stacks)).filter((name) => !known.includes(name))).toEqual([])
    })
  })
})

function servicesOf(stacks: readonly ComposeFile[]): ComposeService[] {
  return stacks.flatMap(({ services }) => Object.values(services))
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}
