import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { examine } from '../../src/doctor.ts'
import { fakeRuntime } from '../cli/fake-runtime.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-doctor-'))
  await mkdir(join(folder, 'bin'))
})
afterEach(async () => await rm(folder, { recursive: true, force: true }))

async function program(name: string, script: string): Promise<void> {
  const file = join(folder, 'bin', name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

/** On a machine that has nothing but the programs of this test. */
async function found(target: string | null) {
  if (target !== null) {
    const tiers = 'tiers:\n  embed: { model: BAAI/bge-small-en-v1.5 }\n'
    await writeFile(join(folder, 'ragscale.yaml'), `name: handbook\ntarget: ${target}\n${tiers}`)
  }
  const env = {
    PATH: join(folder, 'bin'),
    HOME: folder,
    DOCKER_HOST: `unix://${folder}/no.sock`,
  }
  const findings = await examine({ file: 'ragscale.yaml', build: false }, fakeRuntime({ cwd: folder, env }))
  return (name: string) => findings.find((finding) => finding.name === name)
}

describe('the doctor', () => {
  it('only notes what the stack’s target does without', async () => {
    const of = await found('local')
    for (const [name, targets] of [
      ['Docker', 'targets compose and swarm'],
      ['kubectl', 'target kubernetes'],
      ['Helm', 'target kubernetes'],
    ] as const) {
      expect(of(name)).toMatchObject({
        state: 'note',
        cure: expect.stringContaining(`Only needed for ${targets}.`),
      })
    }
    expect(of('Cluster') ?? of('Swarm')).toBeUndefined()
  })

  it.each(['compose', 'swarm'])('lacks an engine where the stack is of target %s', async (target) => {
    const of = await found(target)
    expect(of('Docker')).toMatchObject({
      state: 'lacks',
      says: expect.stringContaining('there is no such socket'),
      cure: expect.stringMatching(/^Start it/),
    })
    expect(of('kubectl')).toMatchObject({ state: 'note' })
  })

  it('lacks kubectl and Helm where the stack is of target kubernetes', async () => {
    const of = await found('kubernetes')
    for (const name of ['kubectl', 'Helm']) expect(of(name)).toMatchObject({ state: 'lacks' })
    expect(of('Docker')).toMatchObject({ state: 'note' })
  })

  const config = JSON.stringify({
    'current-context': 'prod',
    contexts: [{ context: { namespace: 'rag' } }],
    clusters: [{ cluster: { server: 'https://10.0.0.1:6443' } }],
  })

  it('says which cluster kubectl is at, and whether it answers', async () => {
    await program('helm', 'echo v3.19.0')
    const kubectl = (version: string) =>
      program(
        'kubectl',
        `case "$1 $2" in "config view") echo '${config}' ;; "version --output") ${version} ;; esac`,
      )
    await kubectl(`echo '{"serverVersion":{"gitVersion":"v1.36.3"}}'`)
    expect((await found('kubernetes'))('Cluster')).toMatchObject({
      state: 'has',
      says: 'v1.36.3, context prod, namespace rag (https://10.0.0.1:6443)',
    })
    await kubectl('echo "dial tcp 10.0.0.1:6443: connect: connection refused" >&2; exit 1')
    expect((await found('kubernetes'))('Cluster')).toMatchObject({
      state: 'lacks',
      says: expect.stringContaining('does not answer: dial tcp 10.0.0.1:6443'),
    })
  })
})
