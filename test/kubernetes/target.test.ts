/** Target kubernetes on a real control plane: only the nodes are played (kwok), and no container runs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Preset } from '../../src/stack/presets.ts'
import type { ReplicaTier, Stack } from '../../src/stack/stack.ts'
import { type StackFolder, stackFolder } from './command.ts'
import { type ControlPlane, need, startControlPlane } from './control-plane.ts'
import { type Fault, faultyImage } from './faults.ts'

const helm = await need('helm')
const namespace = 'rag'
/** Long enough for two busy cores; what is meant to fail is given less. */
const patience = ['--timeout', '150s'] as const

let plane: ControlPlane
let stack: StackFolder

beforeAll(async () => {
  plane = await startControlPlane([
    { name: 'gpu-1', gpus: 8 },
    { name: 'gpu-2', gpus: 8 },
    { name: 'plain', gpus: 0 },
  ])
})
afterAll(async () => await plane?.close())

async function given(preset: Preset, changes: Readonly<Record<string, unknown>> = {}): Promise<StackFolder> {
  stack = await stackFolder(plane, preset, changes)
  return stack
}

/** Everything goes, whatever a test has left. */
afterEach(async () => {
  const { code, err } = await stack.command('down', '--volumes', '--yes', ...patience)
  await stack.remove()
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
  expect(left()).toEqual([])
})

/** Everything in the namespace but what every namespace has, and what is only told of it. */
function left(): string[] {
  const kinds = plane
    .kubectl(['api-resources', '--namespaced', '--verbs=list,get', '--output=name'])
    .trim()
    .split('\n')
    .filter((kind) => !kind.startsWith('events'))
  const names = plane
    .kubectl(['get', kinds.join(','), '-n', namespace, '-o', 'name'])
    .trim()
    .split('\n')
  const always = ['configmap/kube-root-ca.crt', 'serviceaccount/default', '']
  return names.filter((name) => !always.includes(name))
}

/** What changes when the API server writes an object: its title → its version. */
function versions(): Record<string, string> {
  const kinds =
    'deployments,statefulsets,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets'
  const format = '{range .items[*]}{.kind} {.metadata.name}={.metadata.generation}{"\\n"}{end}'
  const text = plane.kubectl(['get', kinds, '-n', namespace, '-o', `jsonpath=${format}`]).trim()
  return Object.fromEntries(text.split('\n').map((line) => line.split('=') as [string, string]))
}

function changedSince(before: Record<string, string>): string[] {
  return Object.entries(versions()).flatMap(([title, version]) => (before[title] === version ? [] : [title]))
}

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
    plane.kubectl(['scale', '-n', namespace, 'deployment/laptop-ragscale-gateway', '--replicas=0'])
    plane.kubectl(['delete', '-n', namespace, 'service/laptop-ragscale-embed'])
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
      plane.kubectl(['get', 'secret', 'small-ragscale-secrets', '-n', namespace, '-o', 'jsonpath={.data}'])
    const before = secret()
    await command('down', ...patience)
    await command('up', ...patience)
    expect(secret()).toBe(before)
  }, 400_000)
})

describe('what keeps a stack from coming up', () => {
  test('a replica that no node has room for: how much it wants, how much there is', async () => {
    const { command, write } = await given('small', { 'limits.gpus': 64 })
    await write(
      'deploy/helm/values.override.yaml',
      'tiers: { generate: { gpus: 16 } }\nquota: { enabled: false }\n',
    )
    const { code, err } = await command('up', '--timeout', '60s')
    expect(code).toBe(4)
    expect(err).toMatch(/generate-\w+ +waiting +16 GPUs wanted, and no node has more than 8/)
    expect(err).toContain('did not become healthy in time')
    const status = await command('status')
    expect(status.code).toBe(4)
    expect(status.out).toContain('16 GPUs wanted, and no node has more than 8')
  })

  test('GPUs that others have', async () => {
    const { command, write } = await given('small', { 'limits.gpus': 64, 'limits.replicas': 64 })
    await write(
      'deploy/helm/values.override.yaml',
      'tiers: { generate: { gpus: 4, replicas: 5 } }\nquota: { enabled: false }\n',
    )
    const { code, err } = await command('up', '--timeout', '45s')
    expect(code).toBe(4)
    expect(err).toMatch(/4 GPUs wanted, (at most [0-3] free on one of 2 nodes|0 free on 2 nodes)/)
  })

  test('a quota that is full', async () => {
    const { command } = await given('laptop')
    await command('up', ...patience)
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace },
      spec: { hard: { pods: '5' } },
    }
    plane.kubectl(['apply', '-f', '-'], JSON.stringify(quota))
    try {
      const { code, err } = await command('scale', 'gateway=4', '--timeout', '20s')
      expect(code).toBe(4)
      expect(err).toMatch(/gateway: quota small is full: pods=1 wanted, pods=5 used, pods=5 allowed/)
    } finally {
      plane.kubectl(['delete', 'quota', 'small', '-n', namespace])
    }
  })

  test.for<[Fault, RegExp]>([
    [
      'no-such-image',
      /embed-\w+ is failing: image faults\.test\/no-such-image:1 cannot be pulled: there is no such image/,
    ],
    ['crashes', /embed-\w+ is failing: ended with exit code 1, 5 times/],
    [
      'too-much-memory',
      /embed-\w+ is failing: killed for using more than its .* of memory \(OOMKilled\), 3 times/,
    ],
  ])('a container with %s', { timeout: 400_000 }, async ([fault, words]) => {
    const { command, change } = await given('laptop', { 'tiers.embed.image': faultyImage(fault) })
    const { code, err } = await command('up', ...patience)
    expect(code).toBe(4)
    expect(err).toMatch(words)
    // It is mended as everything is: by another file and another `up`.
    await change({ 'tiers.embed.image': 'registry.test/tei:1' })
    expect((await command('up', ...patience)).code).toBe(0)
  })
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

describe('a second release of the gateway', () => {
  const shares = () => {
    const text = plane.kubectl(['get', 'httproute', 'laptop-ragscale', '-n', namespace, '-o', 'json'])
    const { spec } = JSON.parse(text) as {
      spec: { rules: { backendRefs: { name: string; weight: number }[] }[] }
    }
    const backends = spec.rules.at(-1)?.backendRefs ?? []
    return Object.fromEntries(backends.map(({ name, weight }) => [name, weight]))
  }
  const isThere = () => left().includes('deployment.apps/laptop-ragscale-gateway-next')

  test(
    'is given its share when it is ready, and takes the first one over without a gap',
    { timeout: 600_000 },
    async () => {
      const { command, write, bring } = await given('laptop')
      const routing = {
        provider: 'gateway-api',
        hosts: ['rag.test'],
        gateways: [{ name: 'front', namespace: 'gateways' }],
      }
      await write('deploy/helm/values.override.yaml', JSON.stringify({ routing }))
      expect((await command('up', ...patience)).code).toBe(0)
      const before = versions()
      const version = (stack: Stack) => ({
        ...(stack.tiers.gateway as ReplicaTier),
        image: 'registry.test/ragscale:2',
      })

      await bring((stack) => ({ ...stack, split: { tier: 'gateway', version: version(stack), share: 25 } }))
      expect(shares()).toEqual({ 'laptop-ragscale-gateway': 75, 'laptop-ragscale-gateway-next': 25 })
      expect(changedSince(before).filter((title) => title.startsWith('Deployment'))).toEqual([
        'Deployment laptop-ragscale-gateway-next',
      ])

      await bring((stack) => stack)
      expect([isThere(), shares()]).toEqual([false, { 'laptop-ragscale-gateway': 100 }])

      await bring((stack) => ({ ...stack, split: { tier: 'gateway', version: version(stack), share: 100 } }))
      await bring((stack) => ({ ...stack, tiers: { ...stack.tiers, gateway: version(stack) } }))
      expect([isThere(), shares()]).toEqual([false, { 'laptop-ragscale-gateway': 100 }])
      const format = 'jsonpath={.spec.template.spec.containers[0].image}'
      expect(
        plane.kubectl(['get', 'deployment/laptop-ragscale-gateway', '-n', namespace, '-o', format]),
      ).toBe('registry.test/ragscale:2')
    },
  )
})

describe('a second version of a tier behind the balancer', () => {
  test(
    'comes with its own pods, is sent its share, and leaves nothing behind',
    { timeout: 600_000 },
    async () => {
      const { command, bring } = await given('laptop')
      expect((await command('up', ...patience)).code).toBe(0)
      const version = (stack: Stack) => ({
        ...(stack.tiers.embed as ReplicaTier),
        image: 'registry.test/tei:2',
      })
      const at = (share: number) => async () =>
        await bring((stack) => ({ ...stack, split: { tier: 'embed', version: version(stack), share } }))
      const configuration = () =>
        plane.kubectl([
          'get',
          'configmap/laptop-ragscale-balancer',
          '-n',
          namespace,
          '-o',
          'jsonpath={.data}',
        ])
      await at(0)()
      expect(left()).toContain('deployment.apps/laptop-ragscale-embed-next')
      await at(25)()
      expect(configuration()).toContain('25% embed-next')
      await at(0)()
      expect(configuration()).not.toContain('25%')
      await bring((stack) => stack)
      expect(left().filter((name) => name.includes('embed-next'))).toEqual([])
    },
  )
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
    stack = await stackFolder(plane, 'laptop', {}, 'fresh')
    const { command } = stack
    const planned = await command('up', '--dry-run')
    expect(planned.out).toContain('make namespace fresh')
    expect((await command('up', ...patience)).code).toBe(0)
    const down = await command('down', '--volumes', '--yes', ...patience)
    expect(down.code).toBe(0)
    expect(plane.kubectl(['get', 'namespaces', '-o', 'name'])).not.toContain('fresh')
  })

  test('leaves alone what somebody else has in the namespace', async () => {
    const { command } = await given('laptop')
    plane.kubectl(['create', 'configmap', 'theirs', '-n', namespace, '--from-literal=a=b'])
    try {
      await command('up', ...patience)
      await command('down', '--volumes', '--yes', ...patience)
      expect(left()).toEqual(['configmap/theirs'])
    } finally {
      plane.kubectl(['delete', 'configmap', 'theirs', '-n', namespace])
    }
  })
})

describe('a cluster in trouble', () => {
  test('an API server that is gone for 30 s while up runs is waited for', async () => {
    const { command } = await given('small')
    const up = command('up', ...patience)
    // Some of the release is there, and Helm is at it.
    while (!left().some((name) => name.startsWith('secret/sh.helm.release'))) await sleep(50)
    await plane.crash()
    await sleep(30_000)
    await plane.comeBack()
    const { code, err } = await up
    expect(err).toContain('does not answer')
    expect(err).toContain('the API server answers again')
    expect(code).toBe(0)
  }, 400_000)

  test('a release that is pending since an up was killed is rolled back, and upgraded', async () => {
    const { command, change, folder } = await given('laptop')
    await command('up', ...patience)
    await interruptedHelm(folder)
    const refused = await command('up', ...patience)
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(/somebody else changes release laptop: it is pending-upgrade since/)

    await noteOfKilled(folder, 'laptop')
    await change({ 'tiers.gateway.replicas': 2 })
    const planned = await command('up', '--dry-run')
    expect(planned.out).toContain('roll release laptop back to revision 1, which was deployed')
    expect(planned.out).toContain(
      'because a change of the release was cut off: revision 2 is pending-upgrade',
    )
    const { code } = await command('up', ...patience)
    expect(code).toBe(0)
    expect((await command('up', ...patience)).out).toContain('nothing had to be changed')
  }, 400_000)

  test('a first install that was killed is taken away and made anew', async () => {
    const { command, folder } = await given('laptop')
    await command('render')
    await interruptedHelm(folder)
    await noteOfKilled(folder, 'laptop')
    const planned = await command('up', '--dry-run')
    expect(planned.out).toContain('uninstall what is there of release laptop')
    expect((await command('up', ...patience)).code).toBe(0)
  }, 400_000)
})

/** Helm, killed while it waits for what will never be ready: it cannot say any more what became of the release. */
async function interruptedHelm(folder: string): Promise<void> {
  const values = [
    '--set-string',
    `tiers.embed.image.repository=faults.test/never-ready,tiers.embed.image.tag=1`,
  ]
  const chart = join(folder, 'deploy/helm/ragscale')
  const args = ['upgrade', '--install', 'laptop', chart, '--wait', '--namespace', namespace, ...values]
  const child = spawn(helm, [...args, '--kubeconfig', plane.kubeconfig], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'exit')
  const format = 'jsonpath={.items[*].metadata.labels.status}'
  const pending = () => plane.kubectl(['get', 'secret', '-n', namespace, '-l', 'owner=helm', '-o', format])
  while (!pending().includes('pending')) {
    if (child.exitCode !== null) throw new Error(`helm was not to end: ${said}`)
    await sleep(100)
  }
  await sleep(2_000)
  child.kill('SIGKILL')
  await ended
}

/** As a ragscale that was killed leaves it. */
async function noteOfKilled(folder: string, release: string): Promise<void> {
  const child = spawn(process.execPath, ['--eval', ''])
  await once(child, 'exit')
  await mkdir(join(folder, '.ragscale/kubernetes'), { recursive: true })
  const note = { release, context: 'test', namespace, pid: child.pid, start: null }
  await writeFile(join(folder, '.ragscale/kubernetes/change.json'), JSON.stringify(note))
}
