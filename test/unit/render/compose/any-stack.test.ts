import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Rendered } from '../../../../src/render/rendered.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { arbitraryStack } from '../arbitrary-stack.ts'
import { type ComposeFile, filesOf, variablesOf, yamlValue } from '../rendered-stack.ts'

interface Drawn {
  readonly files: Rendered
  readonly compose: ComposeFile
}

/** The same stacks for every test, each rendered once. */
const seed = Math.floor(Math.random() * 2 ** 31)
const rendered = new Map<string, Drawn>()

function drawnOf(stack: Stack): Drawn {
  const key = JSON.stringify(stack)
  const known = rendered.get(key)
  if (known !== undefined) return known
  const files = filesOf(stack, 'compose')
  const drawn = { files, compose: yamlValue(files.get('compose.yaml') ?? '') }
  rendered.set(key, drawn)
  return drawn
}

function ofAnyStack(check: (drawn: Drawn) => void): void {
  const stacks = arbitraryStack({ targets: ['compose'] })
  fc.assert(
    fc.property(stacks, (stack) => check(drawnOf(stack))),
    { seed, numRuns: 25 },
  )
}

describe('of any valid stack, compose.yaml', { timeout: 60_000 }, () => {
  it('gives no GPU to two services, and counts them from 0', () => {
    ofAnyStack(({ compose }) => {
      const ids = Object.values(compose.services)
        .flatMap(({ deploy }) => deploy?.resources?.reservations?.devices ?? [])
        .flatMap(({ device_ids }) => device_ids ?? [])
      expect(ids).toEqual(ids.map((_, index) => String(index)))
    })
  })

  it('publishes nothing but the front door beyond the machine', () => {
    ofAnyStack(({ compose }) => {
      const ports = Object.values(compose.services).flatMap((service) => service.ports ?? [])
      const beyond = ports.filter((port) => typeof port !== 'string' || !port.startsWith('127.0.0.1:'))
      const frontDoor = '${RAGSCALE_FRONT_DOOR:-0.0.0.0:8080}:8080'
      expect(beyond.filter((port) => port !== frontDoor)).toEqual([])
      expect(beyond.length).toBeLessThanOrEqual(1)
    })
  })

  it('names only volumes, secrets, configs and services that it has, and has none that nobody names', () => {
    ofAnyStack(({ compose }) => {
      const all = Object.values(compose.services)
      expect(sorted(all.flatMap(volumeNames))).toEqual(sorted(Object.keys(compose.volumes ?? {})))
      expect(sorted(all.flatMap(({ secrets }) => secrets ?? []))).toEqual(
        sorted(Object.keys(compose.secrets ?? {})),
      )
      const configs = all.flatMap((service) => (service.configs ?? []).map(({ source }) => source))
      expect(sorted(configs)).toEqual(sorted(Object.keys(compose.configs ?? {})))
      for (const { depends_on: waits = {}, networks = [] } of all) {
        expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(waits)))
        expect(Array.isArray(networks) ? networks : Object.keys(networks)).toEqual(['stack'])
      }
    })
  })

  it('mounts only files that are rendered with it', () => {
    ofAnyStack(({ files, compose }) => {
      for (const { file } of Object.values(compose.configs ?? {}))
        expect(files.has(file.replace('./', ''))).toBe(true)
      const folders = Object.values(compose.services)
        .flatMap(({ volumes = [] }) => volumes)
        .filter(({ type, source = '' }) => type === 'bind' && source.startsWith('./'))
        .map(({ source = '' }) => source.replace('./', ''))
      for (const folder of folders)
        expect([...files.keys()].some((path) => path.startsWith(`${folder}/`))).toBe(true)
    })
  })

  it('gives no data to two services', () => {
    ofAnyStack(({ compose }) => {
      const own = Object.values(compose.services).flatMap((service) => [...new Set(volumeNames(service))])
      const shared = own.filter((name, index) => own.indexOf(name) !== index)
      expect(
        new Set(shared).size === 0 || [...new Set(shared)].every((name) => name.startsWith('models')),
      ).toBe(true)
    })
  })

  it('waits in no circle, for jobs to end and for servers that can say that they are healthy', () => {
    ofAnyStack(({ compose }) => {
      for (const name of Object.keys(compose.services))
        expect(waitsFor(compose, name, [])).not.toContain(name)
      for (const { depends_on: waits = {} } of Object.values(compose.services)) {
        for (const [name, { condition }] of Object.entries(waits)) {
          const job = compose.services[name]?.restart?.startsWith('on-failure')
          expect(condition).toBe(job === true ? 'service_completed_successfully' : 'service_healthy')
          if (job !== true) expect(compose.services[name]?.healthcheck).toBeDefined()
        }
      }
    })
  })

  it('limits the memory of every container, and says whose it is', () => {
    ofAnyStack(({ compose }) => {
      for (const [name, { deploy, labels, image }] of Object.entries(compose.services)) {
        expect(image, name).toBeTruthy()
        expect(deploy?.resources?.limits?.memory, name).toMatch(/^[1-9][0-9]*[mg]$/)
        expect(labels, name).toMatchObject({
          'com.ragscale.stack': compose.name,
          'com.ragscale.workload': expect.stringMatching(/^[a-z-]+$/),
        })
      }
    })
  })

  it('reads no variable of the environment but those that .env.example explains', () => {
    ofAnyStack(({ files, compose }) => {
      const explained = (files.get('.env.example') ?? '').match(/^[A-Z_]+(?==)/gm) ?? []
      expect(explained).toEqual(expect.arrayContaining(variablesOf(JSON.stringify(compose))))
    })
  })
})

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

function volumeNames({ volumes = [] }: ComposeFile['services'][string]): string[] {
  return volumes.flatMap(({ type, source = '' }) => (type === 'volume' ? [source] : []))
}

/** Everything that a service waits for, however far. */
function waitsFor(compose: ComposeFile, name: string, seen: readonly string[]): string[] {
  const next = Object.keys(compose.services[name]?.depends_on ?? {}).filter((other) => !seen.includes(other))
  return next.flatMap((other) => [other, ...waitsFor(compose, other, [...seen, ...next])])
}
