import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { presetNames } from '../../../../src/stack/presets.ts'
import { containerOptions, nanoseconds } from '../../../../src/targets/compose/alone/container.ts'
import { aloneModel, variablesOf } from '../../../../src/targets/compose/alone/model.ts'
import { everything } from '../../../golden/everything.ts'
import { filesOf, presetStack, stackFrom } from '../../render/rendered-stack.ts'

const textOf = (files: ReadonlyMap<string, string>): string => files.get('compose.yaml') ?? ''
const all = { COMPOSE_PROFILES: 'observability,tracing,gpu-metrics' }

const stacks = new Map(
  await Promise.all(presetNames.map(async (name) => [name as string, await presetStack(name)] as const)),
)
stacks.set('everything', stackFrom(everything))

describe.each([...stacks])('%s without Docker Compose', (_, stack) => {
  const rendered = textOf(filesOf(stack, 'compose'))

  test('every key of what is rendered is known, and every service becomes a container', () => {
    const model = aloneModel(rendered, { applied: undefined, variables: all })
    for (const name of Object.keys(model.services)) {
      const options = containerOptions(name, 1, { model, folder: '/rag/deploy/compose' })
      expect(options.name).toBe(`${stack.name}-${name}-1`)
      expect(options.HostConfig?.CapDrop).toEqual(['ALL'])
      // No variable of ours is left, and no dollar is doubled any more.
      expect(JSON.stringify(options)).not.toMatch(/\$\{RAGSCALE|\$\$/)
    }
  })

  test('profiles that are not asked for are left out, and nobody waits for them', () => {
    const model = aloneModel(rendered, { applied: undefined, variables: {} })
    const names = Object.keys(model.services)
    expect(names).not.toContain('prometheus')
    for (const { depends_on: after = {} } of Object.values(model.services))
      for (const other of Object.keys(after)) expect(names).toContain(other)
  })

  test('a definition’s hash does not follow how many there are', () => {
    const more = rendered.replaceAll(/replicas: \d+/g, 'replicas: 7')
    const read = (text: string) => aloneModel(text, { applied: undefined, variables: all }).hashes
    expect(read(more)).toEqual(read(rendered))
  })
})

describe('a service as the engine is asked for it', () => {
  const rendered = textOf(filesOf(stackFrom(everything), 'compose'))
  const model = (variables: Record<string, string> = {}, applied?: string) =>
    aloneModel(rendered, { applied, variables })
  const options = (name: string, read = model()) =>
    containerOptions(name, 1, { model: read, folder: '/rag/deploy/compose' })

  test('publishes ports where the file, or a variable, says', () => {
    expect(options('balancer').HostConfig?.PortBindings).toMatchObject({
      '8080/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }],
      '8081/tcp': [{ HostIp: '127.0.0.1', HostPort: '8081' }],
    })
    const moved = model({ RAGSCALE_FRONT_DOOR: '127.0.0.1:18080' })
    expect(options('balancer', moved).HostConfig?.PortBindings).toMatchObject({
      '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }],
    })
  })

  test('has its GPUs, and no other’s', () => {
    const ids = ['generate-1', 'generate-2'].map(
      (name) => options(name).HostConfig?.DeviceRequests?.[0]?.DeviceIDs,
    )
    expect(ids).toEqual([
      ['2', '3'],
      ['4', '5'],
    ])
  })

  test('sees its secrets and configuration read-only, from deploy/ or from where ragscale put them', () => {
    const mounts = options('gateway').HostConfig?.Mounts
    expect(mounts).toContainEqual({
      Type: 'bind',
      Source: '/rag/deploy/compose/gateway/config.json',
      Target: '/etc/ragscale/config.json',
      ReadOnly: true,
    })
    expect(mounts).toContainEqual({
      Type: 'bind',
      Source: '/rag/deploy/compose/secrets/qdrant-api-key',
      Target: '/run/secrets/qdrant-api-key',
      ReadOnly: true,
    })
    const over = model({}, 'configs:\n  gateway-config.json:\n    file: /state/config.json\n')
    expect(options('gateway', over).HostConfig?.Mounts).toContainEqual(
      expect.objectContaining({ Source: '/state/config.json', Target: '/etc/ragscale/config.json' }),
    )
  })

  test('answers to its own name and to its tier’s', () => {
    expect(options('vector-2').NetworkingConfig?.EndpointsConfig).toEqual({
      everything_stack: { Aliases: ['vector-2', 'vector'] },
    })
    expect(options('vector-2').Hostname).toBe('vector-2')
  })
})

test('a file that ragscale did not render is refused and not half understood', () => {
  const foreign =
    'name: a\nnetworks: {}\nservices:\n  a: { image: b, restart: "no", ulimits: { nofile: 1 } }\n'
  expect(() => aloneModel(foreign, { applied: undefined, variables: {} })).toThrow()
})

test('durations are read as they are written', () => {
  expect(['5s', '1m30s', '500ms', '15m'].map(nanoseconds)).toEqual([5e9, 90e9, 5e8, 900e9])
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 59 }), (minutes, seconds) => {
      expect(nanoseconds(`${minutes}m${seconds}s`)).toBe((minutes * 60 + seconds) * 1e9)
    }),
  )
  expect(() => nanoseconds('soon')).toThrow('no duration')
})

test('.env is read as Compose reads it, in what ragscale renders of it', () => {
  expect(
    variablesOf('# a comment\nRAGSCALE_EMBED_PORT=18081   # why\nexport A="b c"\n\nEMPTY=\nnot a line\n'),
  ).toEqual({ RAGSCALE_EMBED_PORT: '18081', A: 'b c', EMPTY: '' })
})
