/** What replicas wrote, wherever in the swarm they run: the engine asks the other nodes. */
import type { Engine } from '../docker/engine.ts'
import { followedLines, linesOf, withoutFrames } from '../docker/logs.ts'
import { type NamedLines, mergeLines } from '../docker/merge-lines.ts'
import type { LogLine, LogOptions } from '../target.ts'
import type { FoundSwarm } from './found.ts'
import { replicasIn } from './tasks.ts'

/** Each line begins with the id of its task, by which the replica is named: `com.docker.swarm.task.id=…,… text`. */
const details = /^(\S*com\.docker\.swarm\.task\.id=([^,\s]+)\S*) ?/

export async function* readLogs(
  swarm: FoundSwarm,
  engine: Engine,
  { tier, follow, lines, signal }: LogOptions,
): AsyncGenerator<LogLine> {
  const replicas = replicasIn(swarm, [])
  const services = swarm.services.filter(
    ({ labels, name }) => tier === null || (labels['com.ragscale.tier'] ?? name) === tier,
  )
  const nameOf = (service: string, task: string): string =>
    replicas.find(({ tries }) => tries.some(({ id }) => id === task))?.name ?? service
  const sources = services.map(({ id, name }): NamedLines => ({
    name,
    lines: serviceLines(engine, id, { follow, lines, signal }),
  }))
  const named = async function* (): AsyncGenerator<LogLine> {
    for await (const { name, text } of mergeLines(sources)) {
      const found = details.exec(text)
      yield found === null
        ? { name, text }
        : { name: nameOf(name, found[2] ?? ''), text: text.slice(found[0].length) }
    }
  }
  if (follow) {
    yield* named()
    return
  }
  // The engine counts the lines of each try; a replica's are the last of all its tries.
  const all: LogLine[] = []
  for await (const line of named()) all.push(line)
  for (const own of Map.groupBy(all, ({ name }) => name).values()) yield* own.slice(-lines)
}

async function* serviceLines(
  engine: Engine,
  id: string,
  { follow, lines, signal }: Pick<LogOptions, 'follow' | 'lines' | 'signal'>,
): AsyncGenerator<string> {
  // The last lines are those of each task.
  const asked = { stdout: true, stderr: true, details: true, tail: lines }
  const service = engine.docker.getService(id)
  if (!follow) {
    const bytes = (await service.logs({ ...asked, follow: false })) as unknown as
      | Buffer
      | NodeJS.ReadableStream
    const text = Buffer.isBuffer(bytes) ? withoutFrames(bytes) : withoutFrames(await wholeOf(bytes))
    yield* linesOf(text)
    return
  }
  yield* followedLines(engine, await service.logs({ ...asked, follow: true }), signal)
}

async function wholeOf(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}
