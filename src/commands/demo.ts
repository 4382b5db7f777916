import { cp, mkdir, mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { showBuildProgress } from '../load/k6/build-progress.ts'
import { findK6 } from '../load/k6/find.ts'
import { askGateway } from '../loop/ask.ts'
import { interruption } from '../loop/interruption.ts'
import type { Interruption } from '../loop/interruption.ts'
import { openRunning } from '../loop/open.ts'
import { readStackFile } from '../loop/stack-file.ts'
import { run } from '../main.ts'
import { exists } from '../recording/files.ts'
import type { Runtime } from '../runtime.ts'

export interface DemoOptions extends GlobalOptions {
  /** Documents of the user's own, ingested beside ragscale's. */
  readonly folder?: string | undefined
  readonly out?: string
}

/** One command of the demo, as a user would type it, and what it is for. */
interface Act {
  readonly why: string
  readonly args: readonly string[]
}

/** The rate that the demo asks counts for: more than one replica of the slowest tier can do. */
const wantedRate = '40/s'

/** Steps long enough for the percentiles that the preset's SLOs ask for, the last of each sweep past the knee. */
const measurements: readonly (readonly [why: string, ...args: string[]])[] = [
  [
    'how one replica of each tier behaves, past its knee',
    ...sweep('embed', '60/s,100/s,140/s,180/s,250/s', '4s'),
  ],
  [
    'the same for searches, with the share of the truth that they find',
    ...sweep('retrieve', '40/s,70/s,100/s,130/s,190/s', '4s'),
  ],
  ['and for streamed answers', ...sweep('generate', '10/s,15/s,20/s,26/s,48/s', '8s')],
  [
    'whole queries through the gateway: how the stages go together',
    '--stage',
    'pipeline',
    '--rate',
    '12/s',
    '--duration',
    '12s',
    '--warmup',
    '2s',
    '--name',
    'queries',
  ],
]

function sweep(stage: string, rates: string, duration: string): string[] {
  return [
    '--stage',
    stage,
    '--rates',
    rates,
    '--duration',
    duration,
    '--warmup',
    '1s',
    '--name',
    `sweep-${stage}`,
  ]
}

/** A step past the knee breaks its SLO on purpose; a busy machine makes a step invalid, and says so. */
const measuredSomehow = [ExitCode.ok, ExitCode.insufficient, ExitCode.invalid]

/**
 * The whole loop on the embedded stack: every line that begins with `$` can be typed by hand in the demo's
 * folder. The stack goes down at the end, also after a failure or Ctrl-C; the folder stays.
 */
export async function demo(options: DemoOptions, runtime: Runtime): Promise<ExitCode> {
  const interrupt = interruption(runtime, 'the demo ends here', 3)
  try {
    return await play(options, runtime, interrupt)
  } catch (error) {
    throw interrupt.explain(error)
  } finally {
    interrupt.stop()
  }
}

async function play(options: DemoOptions, runtime: Runtime, interrupt: Interruption): Promise<ExitCode> {
  const documents = options.folder === undefined ? null : resolve(runtime.cwd, options.folder)
  if (documents !== null) await assertFolder(documents)
  const say = (text: string): void => {
    if (!options.quiet) runtime.stderr.write(text)
  }
  // What every load test needs, before anything is started for one.
  await findK6(runtime, {
    signal: interrupt.signal,
    ...(options.quiet ? {} : { onProgress: showBuildProgress(runtime.stderr) }),
  })
  const folder = await demoFolder(options, runtime)
  // With --json stdout holds one document, the demo's own.
  const own: Runtime = { ...runtime, cwd: folder, stdout: options.json ? runtime.stderr : runtime.stdout }
  const startedAt = runtime.now()
  const flags = [...(options.color ? [] : ['--no-color']), ...(options.quiet ? ['--quiet'] : [])]
  const act = async ({ why, args }: Act, fine: readonly ExitCode[] = [ExitCode.ok]): Promise<void> => {
    say(`\n# ${why}\n$ ragscale ${args.join(' ')}\n`)
    const code = await run([...flags, ...args], own)
    if (!fine.includes(code)) throw stopped(args, code, folder)
  }
  const next: typeof act = async (one, fine) => {
    interrupt.throwIfCame()
    await act(one, fine)
  }
  await act({
    why: 'a stack to rehearse with: no Docker, no GPU',
    args: ['init', '--preset', 'laptop', '--yes', '--out', '.'],
  })
  await cp(packaged('docs'), join(folder, 'documents', 'ragscale'), { recursive: true })
  await cp(packaged('templates/demo/questions.jsonl'), join(folder, 'data', 'queries.jsonl'))
  if (documents !== null) await cp(documents, join(folder, 'documents', 'yours'), { recursive: true })
  try {
    await next({ why: 'one process a replica, each with the real wire protocol', args: ['up'] })
    await next({ why: 'documents → chunks → embeddings → vectors', args: ['ingest', 'documents'] })
    interrupt.throwIfCame()
    await ask(own, options, say)
    for (const [why, ...args] of measurements)
      await next({ why, args: ['loadtest', ...args] }, measuredSomehow)
    await next(
      {
        why: `what ${wantedRate} needs, applied, and proved by another load test`,
        args: ['recommend', '--rate', wantedRate, '--verify', '--duration', '15s'],
      },
      measuredSomehow,
    )
  } finally {
    await act({ why: 'nothing is left behind', args: ['down', '--volumes', '--yes'] })
  }
  const seconds = Math.round((runtime.now() - startedAt) / 1_000)
  if (options.json)
    runtime.stdout.write(`${JSON.stringify({ schema: 'ragscale.demo/1', folder, seconds })}\n`)
  say(nextSteps(folder, seconds))
  return ExitCode.ok
}

async function assertFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null)
  if (found?.isDirectory() === true) return
  throw new UserError(`${folder} is ${found === null ? 'not there' : 'no folder'}`, {
    exitCode: ExitCode.usage,
    hint: 'ragscale demo <folder>   takes a folder of .md, .txt, .html or .jsonl files',
  })
}

/** A folder that holds a stack already is somebody's: nothing in it is replaced. */
async function demoFolder({ out }: DemoOptions, { cwd }: Runtime): Promise<string> {
  if (out === undefined) return await mkdtemp(join(tmpdir(), 'ragscale-demo-'))
  const folder = resolve(cwd, out)
  if (await exists(join(folder, 'ragscale.yaml'))) {
    throw new UserError(`${folder} holds a ragscale.yaml already; it is left as it is`, {
      exitCode: ExitCode.usage,
      hint: 'name a new folder with --out, or leave it out',
      code: 'exists',
    })
  }
  await mkdir(folder, { recursive: true })
  return folder
}

function packaged(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}

async function ask(runtime: Runtime, options: DemoOptions, say: (text: string) => void): Promise<void> {
  const stack = await readStackFile({ file: 'ragscale.yaml', quiet: true }, runtime)
  const { urls } = await openRunning(stack, runtime)
  const url = urls.pipeline?.[0]
  if (url === undefined)
    throw new UserError('the gateway does not run', { exitCode: ExitCode.unhealthy, hint: 'ragscale status' })
  const question =
    options.folder === undefined
      ? 'How is a run whose process was killed recovered?'
      : 'What are these documents about?'
  const { answer, sources } = await askGateway(url, question)
  say(
    `\n# a real question of these documents (the emulated model answers by quoting them)\n> ${question}\n${answer}\n` +
      `  from ${[...new Set(sources.map(({ source }) => source ?? ''))].join(', ')}\n`,
  )
  await writeFile(
    join(runtime.cwd, 'answer.json'),
    `${JSON.stringify({ question, answer, sources }, null, 2)}\n`,
  )
}

function stopped(args: readonly string[], code: ExitCode, folder: string): UserError {
  return new UserError(
    `the demo stopped at \`ragscale ${args.join(' ')}\` (exit ${code}); its folder is ${folder}`,
    {
      exitCode: code,
      hint:
        code === ExitCode.interrupted
          ? 'npm run demo   begins again'
          : 'ragscale doctor   shows what this machine lacks',
    },
  )
}

function nextSteps(folder: string, seconds: number): string {
  return `
Done in ${seconds} s. Stack, runs and their pages: ${folder}
  ${join(folder, 'runs')}/*/report.html

It was a rehearsal: emulated models on this machine. With servers of your own:
  $ ragscale init --target external      name the URLs of your embeddings, Qdrant and LLM
  $ ragscale loadtest --scenario sweep   measure them; hosts beyond this machine are asked about first
  $ ragscale recommend --rate 200/s      what that load needs, and why
`
}
