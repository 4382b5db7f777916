import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type StackOnDisk, stackOnDisk } from '../local/stack-on-disk.ts'
import { eventually } from '../qdrant-nodes.ts'
import { TriedCluster, goal } from './cluster.ts'

let tried: TriedCluster
let stack: StackOnDisk
afterEach(async () => {
  await stack.remove()
  await tried.nodes.stop()
})

const external = (url: string) => `name: handbook
target: external
endpoints:
  vector: { url: ${url}, protocol: qdrant, collection: docs }
`

/** Runs it, and kills it as soon as it says something that holds the text; whether that came. */
async function killedAt(text: string, ...args: string[]): Promise<boolean> {
  const { process: child, ended } = stack.start('--yes', 'vector', 'apply', ...args)
  let said = ''
  child.stderr!.on('data', (more: string) => {
    said += more
    if (said.includes(text)) child.kill('SIGKILL')
  })
  return (await ended).exitCode === null
}

describe('ragscale vector apply, killed in every phase and run again', () => {
  it('ends with all points under the name, once', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(3, 2))
    await tried.fill(0, 1500)
    stack = await stackOnDisk(external(tried.nodes.url(0)))
    const count = ['--shards', '6', '--drop-old', '--throttle', '2000']
    const phases = [
      'create collection docs--6',
      'copy docs to docs--6',
      'pass 1',
      'mark docs--6',
      'done: mark docs--6',
      'remove collection docs',
      'done: remove collection docs',
      'let docs mean',
    ]
    let killed = 0
    for (const phase of phases) if (await killedAt(phase, ...count)) killed++
    expect(killed).toBeGreaterThanOrEqual(5)
    const last = await stack.ragscale('--yes', 'vector', 'apply', ...count)
    expect(last, last.err).toMatchObject({ exitCode: 0 })
    const { collections } = await tried.view()
    expect(collections.map(({ name, aliases, shards }) => ({ name, aliases, shards }))).toEqual([
      { name: 'docs--6', aliases: ['docs'], shards: 6 },
    ])
    expect(await tried.countOf('docs')).toBe(1500)
  })

  it('drains a node all the same', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(6, 1))
    await tried.fill(0, 3000)
    stack = await stackOnDisk(external(tried.nodes.url(0)))
    const { peers } = await tried.view()
    const { id } = peers.find(({ name }) => name === 'vector-3')!
    const drain = ['--drain', id]
    for (const phase of ['move shard', 'done: move shard', 'wait for shard', 'take '])
      await killedAt(phase, ...drain)
    const last = await stack.ragscale('--yes', 'vector', 'apply', ...drain)
    expect(last, last.err).toMatchObject({ exitCode: 0 })
    const view = await eventually(
      () => tried.view(),
      (seen) => seen.peers.length === 2,
    )
    expect(view.peers.map(({ name }) => name)).toEqual(['vector-1', 'vector-2'])
    expect(view.collections[0]!.copies).toHaveLength(6)
    expect(await tried.countOf('docs')).toBe(3000)
  })
})

describe('ragscale vector', () => {
  it('sends the key that the endpoint names, and shows it nowhere', async () => {
    vi.stubEnv('TRIED_KEY', 'a-key-of-this-test')
    tried = await TriedCluster.start(2, 2, { apiKeyEnv: 'TRIED_KEY' })
    const keyed = external(tried.nodes.url(0))
    stack = await stackOnDisk(keyed.replace('docs }', 'docs, apiKeyEnv: TRIED_KEY }'))
    const told = await stack.ragscale('vector', 'status')
    expect(told, told.err).toMatchObject({ exitCode: 0 })
    await stack.write(keyed)
    const refused = await stack.ragscale('vector', 'status')
    expect(refused.exitCode).toBe(4)
    expect(refused.err).toMatch(/answered 40[13]/)
    vi.stubEnv('QDRANT_API_KEY', 'a-key-of-this-test')
    expect((await stack.ragscale('vector', 'status')).exitCode).toBe(0)
    vi.stubEnv('QDRANT_API_KEY', 'another-key')
    const wrong = await stack.ragscale('vector', 'status')
    expect(wrong.exitCode).toBe(4)
    expect(wrong.out + wrong.err).not.toContain('another-key')
    vi.unstubAllEnvs()
  })

  it('asks before it removes anything, shows the plan and the cluster, and says what is not well', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(3, 2))
    await tried.fill(0, 10)
    stack = await stackOnDisk(external(tried.nodes.url(0)))
    const plan = await stack.ragscale('vector', 'plan', '--shards', '6', '--drop-old')
    expect(plan.out).toContain('remove collection docs')
    expect(plan.exitCode).toBe(0)
    const unasked = await stack.ragscale('vector', 'apply', '--shards', '6', '--drop-old')
    expect(unasked.exitCode).toBe(2)
    expect(unasked.err).toContain('nobody can be asked')
    const status = await stack.ragscale('--json', 'vector', 'status')
    expect(status.exitCode).toBe(0)
    const told = JSON.parse(status.out) as { schema: string; peers: { id: string }[]; troubles: string[] }
    expect(told).toMatchObject({ schema: 'ragscale.vector/1', troubles: [] })
    const { peers } = await tried.view()
    expect(told.peers.map(({ id }) => id).sort()).toEqual(peers.map(({ id }) => id).sort())

    await tried.nodes.kill(1)
    await tried.fill(10, 1)
    const ill = await eventually(
      () => stack.ragscale('vector', 'status'),
      ({ exitCode }) => exitCode === 4,
    )
    expect(ill.out).toMatch(/Dead on|does not answer/)
    writeFileSync(join(stack.folder, 'ragscale.yaml'), external('http://127.0.0.1:1'))
    const gone = await stack.ragscale('vector', 'status')
    expect(gone.exitCode).toBe(4)
    expect(gone.err).toContain('no vector node could be asked')
  })
})
