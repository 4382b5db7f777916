/** What goes wrong on a cluster, what ragscale says of it, and how it goes on: on a real control plane whose nodes are played. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { need } from './control-plane.ts'
import { type Fault, faultyImage } from './faults.ts'
import { namespace, onControlPlane, patience } from './on-control-plane.ts'

const helm = await need('helm')
const { plane, given, left } = onControlPlane()

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
    plane().kubectl(['apply', '-f', '-'], JSON.stringify(quota))
    try {
      const { code, err } = await command('scale', 'gateway=4', '--timeout', '20s')
      expect(code).toBe(4)
      expect(err).toMatch(/gateway: quota small is full: pods=1 wanted, pods=5 used, pods=5 allowed/)
    } finally {
      plane().kubectl(['delete', 'quota', 'small', '-n', namespace])
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

describe('a cluster in trouble', () => {
  test('an API server that is gone for 30 s while up runs is waited for', async () => {
    const { command } = await given('small')
    const up = command('up', ...patience)
    // Some of the release is there, and Helm is at it.
    while (!left().some((name) => name.startsWith('secret/sh.helm.release'))) await sleep(50)
    await plane().crash()
    await sleep(30_000)
    await plane().comeBack()
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
  const child = spawn(helm, [...args, '--kubeconfig', plane().kubeconfig], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'exit')
  const format = 'jsonpath={.items[*].metadata.labels.status}'
  const pending = () => plane().kubectl(['get', 'secret', '-n', namespace, '-l', 'owner=helm', '-o', format])
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
