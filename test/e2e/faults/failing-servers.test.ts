/** Servers that fail under load: every failure counted by its label, the test ended by itself, the verdict right. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Run } from '../../../src/recording/run.ts'
import { faultyServer } from '../servers/faulty.ts'
import type { Fault, FaultyServer } from '../servers/faulty.ts'
import { external, faultPlace } from './place.ts'
import type { FaultPlace } from './place.ts'

/** Answered well: what a load test asks before it loads. */
const good = 3
const planned = 200 * 5

let place: FaultPlace
let server: FaultyServer

beforeAll(async () => {
  place = await faultPlace('')
})
afterEach(async () => {
  await server.close()
  await place.nothingLoads()
})
afterAll(() => place.leave())

async function serve(fault: Fault): Promise<void> {
  server = await faultyServer(fault, good)
  await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
}

function load(stage: string, name: string, warmup: string) {
  return place.ragscale(
    '--json',
    'loadtest',
    ...`--stage ${stage} --name ${name} --rate 200/s --duration 5s --warmup ${warmup}`.split(' '),
  )
}

test.each<[stage: string, fault: Fault, label: string]>([
  ['embed', '500', 'http_500'],
  ['embed', '429', 'http_429'],
  ['embed', '503', 'http_503'],
  ['embed', 'hangs', 'timeout'],
  ['embed', 'closes-early', 'closed_early'],
  ['embed', 'resets', 'reset'],
  ['generate', 'closes-early', 'closed_early'],
  ['generate', 'malformed-sse', 'malformed'],
  ['generate', 'error-event', 'stream_error'],
  ['generate', 'stalls', 'timeout'],
  ['generate', 'nonsense', 'closed_early'],
])(
  '%s: a server that answers %s is counted as %s, and is not loaded to the end',
  async (stage, fault, label) => {
    await serve(fault)
    const { exitCode, stdout } = await load(stage, `${stage}-${fault}`, '0s')
    const run = JSON.parse(stdout) as Run
    const step = run.steps[0]
    expect(step?.stopped).toMatch(/of the last 50 requests failed/)
    expect(step?.errors[label]).toBeGreaterThan(0)
    expect(Object.keys(step?.errors ?? {}).filter((one) => one !== label && one !== 'shed')).toEqual([])
    expect(server.asked()).toBeLessThan(planned)
    // A machine too busy to measure on puts the verdict in doubt, and never makes it a pass.
    expect({ exitCode, verdict: run.verdict }).toEqual(
      step?.valid === true ? { exitCode: 5, verdict: 'fail' } : { exitCode: 6, verdict: 'invalid' },
    )
  },
)

test('a server that fails the warm-up has failed, and the run says at what', async () => {
  await serve('500')
  const { exitCode, stdout } = await load('embed', 'warm-up', '5s')
  const run = JSON.parse(stdout) as Run
  expect({ exitCode, verdict: run.verdict, steps: run.steps }).toEqual({
    exitCode: 5,
    verdict: 'fail',
    steps: [],
  })
  expect(run.verdictBecause[0]).toMatch(/s1 was stopped in its warm-up: .* requests failed \(\d+ http_500\)/)
})

test('a server that fails while the rates of a sweep are looked for is not swept, exit 4', async () => {
  await serve('500')
  const { exitCode, stderr } = await place.ragscale(
    'loadtest',
    ...'--stage embed --name sweep --scenario sweep --rate 50/s'.split(' '),
  )
  expect(exitCode).toBe(4)
  expect(stderr).toContain('hardly a request of stage embed')
  expect(stderr).toContain('http_500')
})

test('a server that fails from the first request on is not loaded at all, exit 4', async () => {
  server = await faultyServer('500')
  await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
  const { exitCode, stderr } = await place.ragscale('loadtest', '--stage', 'embed', '--name', 'first')
  expect(exitCode).toBe(4)
  expect(stderr).toContain(`${server.url}/embed: it answered 500`)
  expect(server.asked()).toBe(1)
})

test('a server that answers 200 with a page instead of vectors is not measured, exit 4', async () => {
  server = await faultyServer('nonsense')
  await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
  const { exitCode, stderr } = await place.ragscale('loadtest', '--stage', 'embed', '--name', 'page')
  expect(exitCode).toBe(4)
  expect(stderr).toContain('it answered 200 and no JSON: <html>Welcome to nginx!</html>')
})

test('a queries file that is not there is named, exit 2, and nothing is loaded', async () => {
  server = await faultyServer('none')
  await writeFile(
    join(place.folder, 'ragscale.yaml'),
    external(server.url).replace('queries.txt', 'questions/none.txt'),
  )
  const { exitCode, stderr } = await place.ragscale('loadtest', '--stage', 'embed', '--name', 'none')
  expect(exitCode).toBe(2)
  expect(stderr).toContain(join('questions', 'none.txt'))
  expect(server.asked()).toBe(0)
})

test('a server that is not there is named with its address and what to do, exit 4, by ingest too', async () => {
  server = await faultyServer('none')
  await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
  await server.close()
  const { exitCode, stderr } = await place.ragscale('loadtest', '--stage', 'embed', '--name', 'gone')
  expect(exitCode).toBe(4)
  expect(stderr).toContain(server.url)
  expect(stderr).toContain('→')
  await writeFile(join(place.folder, 'document.md'), '# Shards\n\nOne will do.\n')
  await writeFile(
    join(place.folder, 'ragscale.yaml'),
    external(server.url).replace(
      'endpoints:',
      `endpoints:\n  vector: { url: '${server.url}', protocol: qdrant, collection: docs }`,
    ),
  )
  const ingest = await place.ragscale('ingest', '.')
  expect(ingest.exitCode).toBe(4)
  expect(ingest.stderr).toContain(`could not embed at ${server.url}: connect ECONNREFUSED`)
})
