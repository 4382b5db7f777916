import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type StackOnDisk, stackOnDisk } from '../local/stack-on-disk.ts'

let stack: StackOnDisk
afterEach(async () => await stack.remove())

const yaml = `name: handbook
target: local
tiers:
  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: 1 }
  vector: { nodes: 2, collection: { name: docs, dimensions: 384, shards: 2, replication: 1 } }
`

describe('a local stack whose collection gets more shards', () => {
  it('is ingested into as before, by the same name', async () => {
    stack = await stackOnDisk(yaml)
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    const made = await stack.ragscale('vector', 'apply')
    expect(made.err).toContain('create collection docs with 2 shards')
    mkdirSync(join(stack.folder, 'texts'))
    writeFileSync(join(stack.folder, 'texts', 'a.md'), '# One\n\nAll about shards.\n')
    expect((await stack.ragscale('ingest', 'texts')).exitCode).toBe(0)
    const applied = await stack.ragscale('--yes', 'vector', 'apply', '--shards', '4', '--drop-old')
    expect(applied, applied.err).toMatchObject({ exitCode: 0 })
    writeFileSync(join(stack.folder, 'texts', 'b.md'), '# Two\n\nAll about nodes.\n')
    const again = await stack.ragscale('ingest', 'texts')
    expect(again.out).toContain('2 documents: 1 added, 0 changed, 1 unchanged')
    const status = await stack.ragscale('vector', 'status')
    expect(status.out).toContain('docs--4, also docs: 4 shards, replication 1')
    expect(status.out).toMatch(/vector-1 +up +2/)
    expect(status.exitCode).toBe(0)
    // Planned by the file again: nothing to do, but the count that the file does not know yet.
    const plan = await stack.ragscale('vector', 'plan')
    expect(plan.out).toBe(
      'nothing to do\nnote: docs has 4 shards and ragscale.yaml says 2: write shards: 4 there; --shards 2 would copy it back\n',
    )
    expect((await stack.ragscale('up')).exitCode).toBe(0)
  })
})
