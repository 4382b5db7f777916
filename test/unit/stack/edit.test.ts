import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseAssignment } from '../../../src/stack/assignment.ts'
import { setPath } from '../../../src/stack/edit.ts'
import { getIn, setIn } from '../../../src/stack/paths.ts'
import { ConfigError } from '../../../src/stack/problems.ts'
import { applyChanges, editStack } from '../../../src/stack/save.ts'

const file = `# our handbook   (keep the odd spacing)
name:   handbook
tiers:
  gateway:  { component: reference,   replicas: 2 }   # two
  embed:
    model: "BAAI/bge-base-en-v1.5"  # quoted
    replicas: 1    # one

  # the vector database
  vector: { nodes: 3, collection: { points: 1_000_000,
      shards: 6, replication: 2 } }
workload: { rate: 20/s }
# the end
`

const merged = (text: string) => parse(text, { merge: true })

describe('setting a value in ragscale.yaml', () => {
  test('changes the characters of that value and no others', () => {
    expect(setPath(file, 'tiers.embed.replicas', 3)).toBe(
      file.replace('replicas: 1    # one', 'replicas: 3    # one'),
    )
    expect(setPath(file, 'tiers.gateway.replicas', 12)).toBe(file.replace('replicas: 2 }', 'replicas: 12 }'))
    expect(setPath(file, 'tiers.vector.collection.points', 2_000_000)).toBe(
      file.replace('1_000_000', '2000000'),
    )
    expect(setPath(file, 'workload.rate', '1M/day')).toBe(file.replace('20/s', '1M/day'))
  })

  test('a value that is there already leaves every character', () => {
    expect(setPath(file, 'tiers.embed.model', 'BAAI/bge-base-en-v1.5')).toBe(file)
  })

  test('a new key goes behind the last one of its map, indented like it', () => {
    expect(setPath(file, 'tiers.embed.gpu', 'L4')).toBe(
      file.replace('replicas: 1    # one\n', 'replicas: 1    # one\n    gpu: L4\n'),
    )
    expect(setPath(file, 'workload.topK', 7)).toBe(file.replace('{ rate: 20/s }', '{ rate: 20/s, topK: 7 }'))
    expect(setPath(file, 'tiers.vector.collection.name', 'docs')).toBe(
      file.replace('replication: 2 }', 'replication: 2, name: docs }'),
    )
  })

  test('a list is set as a whole, and a key within one is not', () => {
    const window = { from: '0 8 * * 1-5', to: '0 18 * * 1-5', timezone: 'Europe/Berlin', replicas: 3 }
    const text = setPath(file, 'tiers.embed.autoscale', { max: 4, schedule: [window] })
    expect(parse(text).tiers.embed.autoscale).toEqual({ max: 4, schedule: [window] })
    const other = setPath(text, 'tiers.embed.autoscale.schedule', [{ ...window, replicas: 2 }])
    expect(parse(other).tiers.embed.autoscale).toEqual({ max: 4, schedule: [{ ...window, replicas: 2 }] })
    expect(() => setPath(text, 'tiers.embed.autoscale.schedule.0.replicas', 2)).toThrow('is not a map')
  })

  test.each([
    ['rehearse=true', { rehearse: true }],
    ['tiers.queue={ component: redis }', { support: { queue: { component: 'redis', replicas: 1 } } }],
    ['tiers.metadata.replicas=2', { support: { metadata: { component: 'postgres', replicas: 2 } } }],
    ['balancer.component=envoy', { balancer: { component: 'envoy', replicas: 1 } }],
    ['tiers.embed.image=registry.example/tei:1', { tiers: { embed: { image: 'registry.example/tei:1' } } }],
    ['tiers.embed.resources.memory=6GiB', { tiers: { embed: { resources: { memoryBytes: 6 * 2 ** 30 } } } }],
    [
      'tiers.embed.autoscale={ max: 4, schedule: [{ from: 0 8 * * *, to: 0 18 * * *, replicas: 3 }] }',
      { tiers: { embed: { autoscale: { min: 1, max: 4, schedule: [{ replicas: 3, timezone: 'UTC' }] } } } },
    ],
    [
      'tiers.vector.collection.writeConsistency=2',
      { tiers: { vector: { collection: { writeConsistency: 2 } } } },
    ],
  ])('--set %s is a stack of that', (assignment, expected) => {
    const text = `tiers:
  embed: { model: BAAI/bge-base-en-v1.5 }
  vector: { nodes: 3, collection: { shards: 3, replication: 2 } }
  worker: {}
`
    expect(
      applyChanges(text, [parseAssignment(assignment)], '/rag/ragscale.yaml', '/rag').stack,
    ).toMatchObject(expected)
  })

  test('maps on the way are made', () => {
    const text = setPath(file, 'limits.load.rate', '50/s')
    expect(text).toBe(file.replace('{ rate: 20/s }\n', '{ rate: 20/s }\nlimits: { load: { rate: 50/s } }\n'))
  })

  test('a key of an SLO keeps its dots', () => {
    expect(merged(setPath(file, 'slo.pipeline.ttft.p99', '1s')).slo).toEqual({
      pipeline: { 'ttft.p99': '1s' },
    })
  })

  test('an undefined value takes the key out, and its line with it', () => {
    expect(setPath(file, 'tiers.embed.replicas', undefined)).toBe(
      file.replace('    replicas: 1    # one\n', ''),
    )
    expect(setPath(file, 'tiers.vector.nodes', undefined)).toBe(file.replace('nodes: 3, ', ''))
    expect(setPath(file, 'limits.gpus', undefined)).toBe(file)
  })

  test('text that YAML would read as something else is quoted', () => {
    for (const value of ['yes: no', '1', 'null', '', '#x', 'a, b', '{{query}}', '*a', 'two\nlines', '- x']) {
      const text = setPath(file, 'workload.queries', value)
      expect(merged(text).workload.queries, text).toBe(value)
    }
  })

  test('a value shared by an anchor changes in one place only', () => {
    const shared =
      'a: &one { replicas: 1, model: m } # keep\nb: *one\nc:\n  <<: *one\n  gpu: L4\nn: &n 2\nm: *n\n'
    expect(setPath(shared, 'b.replicas', 3)).toContain(
      'a: &one { replicas: 1, model: m } # keep\nb: { replicas: 3, model: m }\n',
    )
    for (const path of ['a.replicas', 'b.replicas', 'c.replicas', 'n', 'm', 'c.model']) {
      const text = setPath(shared, path, 9)
      expect(merged(text), text).toEqual(setIn(merged(shared), path.split('.'), 9))
      expect(text).toContain('# keep')
    }
  })

  test('a JSON file stays JSON', () => {
    const json = '{\n  "name": "a",\n  "tiers": {\n    "embed": { "replicas": 1 }\n  }\n}\n'
    const text = setPath(setPath(json, 'tiers.embed.gpu', 'L4'), 'workload.rate', '5/s')
    expect(JSON.parse(text)).toEqual({
      name: 'a',
      tiers: { embed: { replicas: 1, gpu: 'L4' } },
      workload: { rate: '5/s' },
    })
    expect(text).toContain('\n  "name": "a",\n')
  })

  test('line ends of another system stay', () => {
    const text = setPath(file.replaceAll('\n', '\r\n'), 'tiers.embed.gpu', 'L4')
    expect(text).toContain('# one\r\n    gpu: L4\r\n')
    expect(text.replaceAll('\r\n', '')).not.toContain('\n')
  })

  test('a file of comments only gets its first key', () => {
    expect(setPath('# nothing yet', 'name', 'a')).toBe('# nothing yet\nname: a\n')
  })

  test('a path through something that is no map is refused', () => {
    expect(() => setPath(file, 'name.first', 1)).toThrow('name.first cannot be set: name is not a map')
    expect(() => setPath('a: [', 'b', 1)).toThrow('not valid YAML')
    expect(() => setPath(file, 'tiers..embed', 1)).toThrow('names no key')
  })

  const key = fc.constantFrom('a', 'b', 'c', 'd')
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.constantFrom('1h', '20/s', '0.1%', '# x'))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, leaf, tie('tree')), { maxKeys: 4 }),
  }))
  const written = fc.tuple(tree, fc.boolean(), fc.boolean())

  test('whatever the file and the value, that key has the value and every other keeps its own', async () => {
    const { stringify } = await import('yaml')
    fc.assert(
      fc.property(
        written,
        fc.array(key, { minLength: 1, maxLength: 4 }),
        fc.option(leaf, { nil: undefined }),
        ([value, flow, crlf], path, set) => {
          const plain = stringify(value, { collectionStyle: flow ? 'flow' : 'any' })
          const text = crlf ? plain.replaceAll('\n', '\r\n') : plain
          const before = parse(text)
          for (let length = 1; length < path.length; length++) {
            const held = getIn(before, path.slice(0, length))
            fc.pre(held === undefined || typeof held === 'object')
          }
          const wanted = getIn(before, path) === set ? before : setIn(before, path, set)
          expect(parse(setPath(text, path, set)), text).toEqual(wanted)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('editing ragscale.yaml on disk', () => {
  let folder = ''
  afterEach(() => rm(folder, { recursive: true, force: true }))

  async function saved(text: string): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-edit-'))
    const path = join(folder, 'ragscale.yaml')
    await writeFile(path, text, { mode: 0o640 })
    return path
  }

  test('writes the changed file with the permissions it had', async () => {
    const path = await saved('tiers:\n  embed: { model: BAAI/bge-base-en-v1.5 } # keep\n')
    const stack = await editStack(path, [{ path: 'tiers.embed.replicas', value: 3 }], '/')
    expect(stack.tiers.embed?.replicas).toBe(3)
    expect(await readFile(path, 'utf8')).toBe(
      'tiers:\n  embed: { model: BAAI/bge-base-en-v1.5, replicas: 3 } # keep\n',
    )
    expect((await stat(path)).mode & 0o777).toBe(0o640)
  })

  test('a change that makes the file wrong is refused and nothing is written', async () => {
    const text = 'tiers: { embed: { model: BAAI/bge-base-en-v1.5 } }\n'
    const path = await saved(text)
    const edit = editStack(path, [{ path: 'tiers.embed.replicas', value: 0 }], '/')
    await expect(edit).rejects.toThrow(ConfigError)
    expect(await readFile(path, 'utf8')).toBe(text)
  })
})
