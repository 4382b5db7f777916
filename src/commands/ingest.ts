import { relative, resolve, sep } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { httpEmbedder } from '../ingest/embedder.ts'
import { findFiles } from '../ingest/document.ts'
import { ingestFolder } from '../ingest/ingest.ts'
import type { IngestProgress } from '../ingest/ingest.ts'
import { qdrantStore } from '../ingest/store.ts'
import { endpointTarget, isLoopback } from '../load/endpoints.ts'
import { dispatcherOf, headersOf, secretsOf, withoutSecrets } from '../load/http.ts'
import type { LoadTarget } from '../load/plan.ts'
import { openRunning } from '../loop/open.ts'
import { knowing } from '../loop/running.ts'
import { readStackFile } from '../loop/stack-file.ts'
import type { Output, Runtime } from '../runtime.ts'
import type { Collection, EndpointName, Stack } from '../stack/stack.ts'

export interface IngestCommandOptions extends GlobalOptions {
  readonly folder: string
}

/** Documents → chunks → embeddings → vectors. Ctrl-C keeps what is written; the same command goes on from there. */
export async function ingest(options: IngestCommandOptions, runtime: Runtime): Promise<ExitCode> {
  const stack = await readStackFile(options, runtime)
  const folder = resolve(runtime.cwd, options.folder)
  // Before anything is asked or called: a slip in its name is the likeliest of all errors.
  await findFiles(folder)
  const running = await openRunning(stack, runtime)
  const embedTarget = needed('embed', endpointTarget('embed', stack, running.urls), stack)
  const vectorTarget = needed('vector', endpointTarget('vector', stack, running.urls), stack)
  const informed = knowing(runtime, running)
  const embedAt = await connected(embedTarget, informed)
  const vectorAt = await connected(vectorTarget, informed)
  await confirmSending(embedAt.url, vectorAt.url, options, runtime)
  const embed = httpEmbedder({
    ...embedAt,
    protocol: embedTarget.protocol === 'openai' ? 'openai' : 'tei',
    ...(embedTarget.model === undefined ? {} : { model: embedTarget.model }),
  })
  const stop = new AbortController()
  const stopListening = runtime.onInterrupt((count) => {
    if (count > 1) runtime.exit(ExitCode.interrupted)
    runtime.stderr.write('\nstopping; run the same command again to go on\n')
    stop.abort()
  })
  const startedAt = runtime.now()
  try {
    const collection =
      stack.tiers.vector?.collection ?? (await collectionFor(vectorTarget, embed, stop.signal))
    const store = qdrantStore(vectorAt, collection)
    const { created } = await store.prepare()
    if (created && !options.quiet) runtime.stderr.write(createdText(collection))
    const summary = await ingestFolder({
      folder,
      root: rootOf(folder, stack),
      embed,
      store,
      signal: stop.signal,
      ...(options.quiet ? {} : { onProgress: progressBar(runtime.stderr) }),
    })
    const seconds = (runtime.now() - startedAt) / 1_000
    const points = await store.count()
    if (options.json) {
      const { name } = collection
      runtime.stdout.write(
        `${JSON.stringify({ schema: 'ragscale.ingest/1', collection: name, points, seconds, ...summary })}\n`,
      )
      return ExitCode.ok
    }
    const { found, added, changed, unchanged, removed, chunks } = summary
    runtime.stdout.write(
      `${found} documents: ${added} added, ${changed} changed, ${unchanged} unchanged, ${removed} removed\n` +
        `${chunks} chunks written in ${seconds.toFixed(1)} s (${(chunks / Math.max(seconds, 0.001)).toFixed(0)}/s); ` +
        `collection ${collection.name} holds ${points} points\n`,
    )
    return ExitCode.ok
  } catch (error) {
    if (!stop.signal.aborted) throw error
    throw new UserError('interrupted; what was written is kept', {
      exitCode: ExitCode.interrupted,
      hint: `ragscale ingest ${options.folder}   goes on from here`,
      cause: error,
    })
  } finally {
    stopListening()
    await Promise.all([embedAt.dispatcher.destroy(), vectorAt.dispatcher.destroy()])
    await running.close()
  }
}

/** Where to and with what; makes no connection yet. */
async function connected(target: LoadTarget, { env }: Runtime) {
  const secrets = secretsOf(target, env)
  return {
    url: target.urls[0] ?? '',
    headers: headersOf(target, env),
    dispatcher: await dispatcherOf(target, env),
    mask: (text: string) => withoutSecrets(text, secrets),
  }
}

function needed(name: EndpointName, target: LoadTarget | null, stack: Stack): LoadTarget {
  if (target !== null) return target
  const external = stack.target === 'external'
  throw new UserError(
    external
      ? `${stack.file} names no endpoint ${name}, which ingesting needs`
      : `ingesting needs tier ${name}, which does not run, or whose balancer does not`,
    {
      exitCode: external ? ExitCode.usage : ExitCode.unhealthy,
      hint: external
        ? `add endpoints.${name} to the file`
        : 'ragscale status   says which; ragscale up   starts it',
    },
  )
}

/** Sending documents beyond this machine is asked for, as loading is: to be embedded there, or to be kept there. */
async function confirmSending(
  embedUrl: string,
  vectorUrl: string,
  { yes }: GlobalOptions,
  { interactive, prompts }: Runtime,
): Promise<void> {
  const what = [
    ...(isLoopback(embedUrl) ? [] : [`have documents embedded by ${new URL(embedUrl).host}`]),
    ...(isLoopback(vectorUrl) ? [] : [`write them into the Qdrant at ${new URL(vectorUrl).host}`]),
  ].join(' and ')
  if (yes || what === '') return
  if (interactive) {
    if (await prompts.confirm(`This will ${what}. Go on?`)) return
    throw new UserError('nothing was ingested', { exitCode: ExitCode.interrupted, code: 'declined' })
  }
  throw new UserError(`this would ${what}, which is beyond this machine, and nobody can be asked`, {
    exitCode: ExitCode.usage,
    hint: 'pass --yes when that is what you want',
    code: 'unconfirmed',
  })
}

/** Somebody else's Qdrant: the collection that the endpoint names, with as many dimensions as the model gives. */
async function collectionFor(
  target: LoadTarget,
  embed: (texts: readonly string[], signal: AbortSignal) => Promise<number[][]>,
  signal: AbortSignal,
): Promise<Collection> {
  const [vector] = await embed(['How many dimensions has a vector?'], signal)
  return {
    name: target.collection ?? 'docs',
    dimensions: vector?.length ?? 0,
    distance: 'Cosine',
    points: 0,
    shards: 1,
    replication: 1,
    writeConsistency: 1,
    quantization: 'none',
  }
}

function createdText({ name, shards, replication, dimensions }: Collection): string {
  const shardText = shards === 1 ? '1 shard' : `${shards} shards`
  return `created collection ${name}: ${dimensions} dimensions, ${shardText}, replication ${replication}\n`
}

/** The folder's name in the collection: relative to the stack where it lies within it, so that the project can move. */
function rootOf(folder: string, stack: Stack): string {
  const path = relative(stack.folder, folder)
  return path === '' ? '.' : path.startsWith('..') ? folder : path.split(sep).join('/')
}

function progressBar(output: Output): (progress: IngestProgress) => void {
  let tenth = -1
  return ({ filesRead, files, chunks, unchanged }) => {
    const share = files === 0 ? 1 : filesRead / files
    const text = `${filesRead} of ${files} files, ${chunks} chunks written, ${unchanged} unchanged`
    if (output.isTTY) {
      const width = Math.max(10, Math.min(30, (output.columns ?? 80) - text.length - 3))
      const full = Math.round(share * width)
      const end = filesRead === files ? '' : '\r'
      output.write(`\r\u001B[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${text}${end}`)
      return
    }
    const now = Math.floor(share * 10)
    if (now > tenth) output.write(`${text}\n`)
    tenth = Math.max(tenth, now)
  }
}
