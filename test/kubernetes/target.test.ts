/** Target kubernetes on a real control plane: only the nodes are played (kwok), and no container runs. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Preset } from '../../src/stack/presets.ts'
import { namespace, onControlPlane, patience } from './on-control-plane.ts'

const { plane, given, left, versions, changedSince } = onControlPlane()

describe('up', () => {
  test.for<Preset>(['laptop', 'small', 'production'])(
    'of preset %s ends with every tier ready, and with nothing more to do',
    { timeout: 400_000 },
    async (preset) => {
      const { command } = await given(preset)
      const up = await command('up', ...patience)
      expect(up.err).not.toContain('ragscale:')
      expect(up.code).toBe(0)
      expect(up.out).toContain(`${preset} is up (kubernetes)`)
      const again = await command('up', ...patience)
      expect(again.out).toContain('nothing had to be changed')
      expect((await command('status')).code).toBe(0)
    },
  )

  test('--dry-run says what would be made, and makes nothing', async () => {
    const { command } = await given('small')
    const { code, out } = await command('up', '--dry-run')
    expect(code).toBe(0)
    expect(out).toContain('make Secret small-ragscale-secrets: qdrant-api-key')
    expect(out).toMatch(/make gateway: .*Deployment \(2 replicas\)/)
    expect(out).toContain('install release small by Helm (context test, namespace rag)')
    expect(left()).toEqual([])
  })

  test('changes only what the file changes, and says which field', async () => {
    const { command, change } = await given('laptop')
    await command('up', ...patience)
    const before = versions()
    await change({ 'tiers.embed.resources': { cpus: 3 } })
    const planned = await command('up', '--dry-run')
    expect(planned.out).toMatch(/change Deployment laptop-ragscale-embed \(.*resources\.requests\.cpu/)
    expect(planned.out).toContain('because ragscale.yaml has changed since')
    expect((await command('up', ...patience)).code).toBe(0)
    expect(changedSince(before)).toEqual(['Deployment laptop-ragscale-embed'])
  })

  test('puts back what somebody has changed or removed on the cluster', async () => {
    const { command } = await given('laptop')
    await command('up', ...patience)
    plane().kubectl(['scale', '-n', namespace, 'deployment/laptop-ragscale-gateway', '--replicas=0'])
    plane().kubectl(['delete', '-n', namespace, 'service/laptop-ragscale-embed'])
    const planned = await command('up', '--dry-run')
    expect(planned.out).toContain('change Deployment laptop-ragscale-gateway (spec.replicas 0 → 1)')
    expect(planned.out).toContain('make embed: Service')
    expect(planned.out).toContain('because somebody has changed it on the cluster')
    expect((await command('up', ...patience)).code).toBe(0)
    expect((await command('up', ...patience)).out).toContain('nothing had to be changed')
  })

  test('waits for another up of the same stack', async () => {
    const { command } = await given('laptop')
    const [first, second] = await Promise.all([command('up', ...patience), command('up', ...patience)])
    expect([first.code, second.code]).toEqual([0, 0])
    const waited = [first, second].filter(({ err }) => err.includes('waiting for it'))
    expect(waited).toHaveLength(1)
    expect(waited[0]?.out).toContain('nothing had to be changed')
  }, 400_000)

  test('keeps the passwords that it has made', async () => {
    const { command } = await given('small')
    await command('up', ...patience)
    const secret = () =>
      plane().kubectl(['get', 'secret', 'small-ragscale-secrets', '-n', namespace, '-o', 'jsonpath={.data}'])
    const before = secret()
    await command('down', ...patience)
    await command('up', ...patience)
    expect(secret()).toBe(before)
  }, 400_000)
})

describe('scale', () => {
  test('changes the named tier alone, and leaves file and deploy/ as they are', async () => {
    const { command } = await given('laptop')
    await command('up', ...patience)
    const before = versions()
    const { code, out } = await command('scale', 'gateway=3', ...patience)
    expect(code).toBe(0)
    expect(out).toContain('ragscale.yaml still says 1 of gateway')
    expect(changedSince(before)).toEqual(['Deployment laptop-ragscale-gateway'])
    expect((await command('render', '--check')).code).toBe(0)
    const back = await command('up', '--dry-run')
    expect(back.out).toContain('ragscale.yaml asks for 1 of gateway, the release has 3')
  })
})

describe('scale of a release that the file asks other changes of', () => {
  test.for([['--dry-run'], []])('is refused, since Helm makes them all in one go %j', async (more) => {
    const { command, change } = await given('laptop')
    await command('up', ...patience)
    await change({ 'tiers.embed.resources': { cpus: 3 } })
    const { code, out, err } = await command('scale', 'gateway=3', ...more, ...patience)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('ragscale.yaml asks for 1 other change of the release too')
  })
})

describe('another cluster or namespace than before', () => {
  test('is gone to only where its context is named; down is refused there too', async () => {
    const { command, folder } = await given('laptop')
    await command('up', ...patience)
    const config = await readFile(join(folder, 'kubeconfig'), 'utf8')
    const there = config.replace('"namespace":"rag"', '"namespace":"elsewhere"')
    try {
      await writeFile(join(folder, 'kubeconfig'), there)
      for (const refused of [['up'], ['up', '--dry-run'], ['scale', 'gateway=2'], ['down']]) {
        const { code, err } = await command(...refused, ...patience)
        expect({ refused, code }, err).toEqual({ refused, code: 2 })
        expect(err).toContain('this stack was last brought up in context test, namespace rag')
        expect(err).toContain('RAGSCALE_CONTEXT=test')
      }
      expect((await command('status')).out).toContain('it was last brought up in context test, namespace rag')
      await writeFile(join(folder, 'kubeconfig'), config)
      expect((await command('down', ...patience)).code).toBe(0)
      await writeFile(join(folder, 'kubeconfig'), there)
      expect((await command('up', '--dry-run')).out).toContain('make namespace elsewhere')
    } finally {
      // It is taken down where it runs.
      await writeFile(join(folder, 'kubeconfig'), config)
    }
  })
})

describe('down', () => {
  test('keeps the volumes and the passwords that they were written with, until it is told not to', async () => {
    const { command } = await given('small')
    await command('up', ...patience)
    const { code, out } = await command('down', ...patience)
    expect(code).toBe(0)
    expect(out).toContain('kept: volume claim vector-data-small-ragscale-vector-0')
    expect(left().toSorted()).toEqual([
      'persistentvolumeclaim/small-ragscale-models',
      'persistentvolumeclaim/vector-data-small-ragscale-vector-0',
      'persistentvolumeclaim/vector-snapshots-small-ragscale-vector-0',
      'secret/small-ragscale-secrets',
    ])
  })

  test('takes the namespace too that up has made', async () => {
    const { command } = await given('laptop', {}, 'fresh')
    const planned = await command('up', '--dry-run')
    expect(planned.out).toContain('make namespace fresh')
    expect((await command('up', ...patience)).code).toBe(0)
    const down = await command('down', '--volumes', '--yes', ...patience)
    expect(down.code).toBe(0)
    expect(plane().kubectl(['get', 'namespaces', '-o', 'name'])).not.toContain('fresh')
  })

  test('leaves alone what somebody else has in the namespace', async () => {
    const { command } = await given('laptop')
    plane().kubectl(['create', 'configmap', 'theirs', '-n', namespace, '--from-literal=a=b'])
    try {
      await command('up', ...patience)
      await command('down', '--volumes', '--yes', ...patience)
      expect(left()).toEqual(['configmap/theirs'])
    } finally {
      plane().kubectl(['delete', 'configmap', 'theirs', '-n', namespace])
    }
  })
})
