import { Command, Option } from 'commander'
import type { InitOptions } from './commands/init.ts'
import type { DoctorCommandOptions } from './commands/doctor.ts'
import type { UpOptions } from './commands/up.ts'
import type { DownOptions } from './commands/down.ts'
import type { StatusOptions } from './commands/status.ts'
import type { LogsOptions } from './commands/logs.ts'
import type { ScaleOptions } from './commands/scale.ts'
import type { IngestCommandOptions } from './commands/ingest.ts'
import type { RenderOptions } from './commands/render.ts'
import type { LoadtestOptions } from './commands/loadtest.ts'
import type { ReportOptions } from './commands/report.ts'
import type { CompareOptions } from './commands/compare.ts'
import type { RecommendCommandOptions } from './commands/recommend.ts'
import type { DemoOptions } from './commands/demo.ts'
import type { VectorApplyOptions, VectorPlanOptions, VectorStatusOptions } from './commands/vector.ts'
import { addRolloutCommands } from './cli-rollout.ts'
import { collect, targetOption } from './cli-options.ts'
import { ExitCode } from './errors.ts'
import type { Runtime } from './runtime.ts'
import { ragscaleVersion } from './version.ts'

/** The flags that every command takes. */
export interface GlobalOptions {
  readonly file: string
  readonly json: boolean
  readonly yes: boolean
  readonly quiet: boolean
  readonly color: boolean
}

/** The commander tree, with the exit code of the command that ran. */
export interface Program extends Command {
  result(): ExitCode
}

/**
 * Every command's flags and examples. A command's module is imported when it is called, so that `--help`
 * and completion start quickly.
 */
export function createProgram(runtime: Runtime): Program {
  let exitCode: ExitCode = ExitCode.ok
  const program = new Command('ragscale')
  program
    .description('How many replicas, GPUs, nodes and shards does a RAG system need, and what will it cost?')
    .version(ragscaleVersion())
    .option('--file <path>', 'the stack', 'ragscale.yaml')
    .option('--json', 'exactly one JSON document on stdout', false)
    .option('--yes', 'never ask; take the default or refuse', false)
    .option('--quiet', 'no progress', false)
    .option('--no-color', 'no colour (NO_COLOR does the same)')
    .configureHelp({ optionDescription })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => runtime.stdout.write(text),
      writeErr: (text) => runtime.stderr.write(text),
      getOutHelpWidth: () => runtime.stdout.columns ?? 80,
      getErrHelpWidth: () => runtime.stderr.columns ?? 80,
    })
    .showHelpAfterError('(ragscale --help shows every command and flag)')
    .addHelpText('after', examples)

  /** Adds a command whose handler returns its exit code. */
  const command = <Options extends GlobalOptions>(
    usage: string,
    description: string,
    handler: (args: readonly string[], options: Options) => Promise<ExitCode>,
  ): Command =>
    program
      .command(usage)
      .description(description)
      .action(async (...received: unknown[]) => {
        const self = received.at(-1) as Command
        exitCode = await handler(self.args, self.optsWithGlobals<Options>())
      })

  command('init', 'ask, or take flags, and write ragscale.yaml', async (_args, options: InitOptions) => {
    const { init } = await import('./commands/init.ts')
    return await init(options, runtime)
  })
    .option('--preset <name>', 'laptop, small or production')
    .addOption(targetOption())
    .option('--set <key=value>', 'set one value, for example tiers.embed.replicas=3', collect, [])
    .option('--out <folder>', 'where to write', '.')
    .option('--force', 'replace an existing ragscale.yaml', false)

  command('render', 'write deploy/ again; user files stay', async (_args, options: RenderOptions) => {
    const { render } = await import('./commands/render.ts')
    return await render(options, runtime)
  })
    .addOption(
      new Option('--target <target>', "what to render for; default the file's").choices([
        'compose',
        'swarm',
        'kubernetes',
        'systemd',
        'ci',
      ]),
    )
    .option('--out <folder>', 'where to write; default deploy beside the file')
    .option('--check', 'write nothing; exit 1 when something would change', false)
    .option('--diff', 'show the lines that change', false)
    .option('--dry-run', 'write nothing; say what would change', false)
    .option('--force', 'replace files that were changed by hand, keeping them aside', false)

  command(
    'doctor',
    'what this machine has and lacks, each with its cure',
    async (_args, options: DoctorCommandOptions) => {
      const { doctor } = await import('./commands/doctor.ts')
      return await doctor(options, runtime)
    },
  ).option('--build', 'build k6 where only a Go toolchain is here', false)

  command(
    'up',
    'bring the stack up, or change a running one to what the file says',
    async (_args, options: UpOptions) => {
      const { up } = await import('./commands/up.ts')
      return await up(options, runtime)
    },
  )
    .addOption(targetOption())
    .option('--dry-run', 'print the plan and do nothing', false)
    .option('--timeout <duration>', 'how long a replica may take to become healthy', '10m')

  command('down', 'stop the stack and remove what ragscale made', async (_args, options: DownOptions) => {
    const { down } = await import('./commands/down.ts')
    return await down(options, runtime)
  })
    .addOption(targetOption())
    .option('--dry-run', 'print the plan and do nothing', false)
    .option('--timeout <duration>', 'how long to wait for requests in flight', '10m')
    .option('--volumes', 'remove stored data (vectors) too', false)

  command(
    'status',
    'every replica: state, port, restarts, CPU and memory',
    async (_args, options: StatusOptions) => {
      const { status } = await import('./commands/status.ts')
      return await status(options, runtime)
    },
  ).addOption(targetOption())

  command('logs [tier]', 'what the replicas wrote', async ([tier], options: LogsOptions) => {
    const { logs } = await import('./commands/logs.ts')
    return await logs({ ...options, tier }, runtime)
  })
    .addOption(targetOption())
    .option('--follow', 'go on printing', false)
    .option('--lines <n>', 'how many of the last lines of each replica', '20')

  command('scale <tier=n...>', 'change how many replicas run', async (counts, options: ScaleOptions) => {
    const { scale } = await import('./commands/scale.ts')
    return await scale({ ...options, counts }, runtime)
  })
    .addOption(targetOption())
    .option('--dry-run', 'print the plan and do nothing', false)
    .option('--timeout <duration>', 'how long a replica may take to become healthy', '10m')

  command(
    'ingest <folder>',
    'documents → chunks → embeddings → vectors',
    async ([folder], options: IngestCommandOptions) => {
      const { ingest } = await import('./commands/ingest.ts')
      return await ingest({ ...options, folder: folder ?? '' }, runtime)
    },
  )

  command(
    'loadtest',
    'one scenario on one stage or more; live progress; a run',
    async (_args, options: LoadtestOptions) => {
      const { loadtest } = await import('./commands/loadtest.ts')
      return await loadtest(options, runtime)
    },
  )
    .option(
      '--stage <stage>',
      'embed, retrieve, rerank, generate, ingest or pipeline; may be repeated',
      collect,
      [],
    )
    .option('--scenario <name>', 'smoke, steady, ramp, spike, soak, breakpoint, sweep or replay')
    .option('--rate <rate>', 'arrivals, for example 50/s')
    .option('--rates <rates>', 'the rates of a sweep, for example 10/s,20/s,40/s')
    .option(
      '--duration <duration>',
      'the measured window of each step (30s; smoke 5s, breakpoint 15s, ramp 60s, soak 30m)',
    )
    .option('--warmup <duration>', 'before each window, not counted (5s; smoke and replay none)')
    .option('--arrivals <kind>', 'poisson, constant, gamma:2 or trace:FILE')
    .option('--seed <n>', 'of arrivals and queries')
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--name <id>', 'the name of the run')
    .option('--max-in-flight <n>', 'arrivals beyond it are shed')
    .option(
      '--unique',
      'ask every question in a text never asked before, so that no prefix cache helps',
      false,
    )

  command('report <run>', 'a run again, as tables or a page', async ([run], options: ReportOptions) => {
    const { report } = await import('./commands/report.ts')
    return await report({ ...options, run: run ?? '' }, runtime)
  })
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--html <file>', 'write one self-contained page')
    .option('--markdown <file>', 'write a summary')
    .option('--junit <file>', 'write JUnit XML')

  command(
    'compare <baseline> <run>',
    'two runs, as a verdict on regression',
    async ([baseline, run], options: CompareOptions) => {
      const { compare } = await import('./commands/compare.ts')
      return await compare({ ...options, baseline: baseline ?? '', run: run ?? '' }, runtime)
    },
  ).option('--runs <folder>', 'where runs are kept', 'runs')

  const runs = program.command('runs').description('the runs on this machine')
  runs
    .command('list')
    .description('every run, newest first')
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .action(async (_own: unknown, self: Command) => {
      const { listRuns } = await import('./commands/runs.ts')
      exitCode = await listRuns(self.optsWithGlobals(), runtime)
    })
  runs
    .command('rm <run>')
    .description('remove a run')
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .action(async (run: string, _own: unknown, self: Command) => {
      const { removeRun } = await import('./commands/runs.ts')
      exitCode = await removeRun(
        { ...self.optsWithGlobals<GlobalOptions & { runs: string }>(), run },
        runtime,
      )
    })

  command('recommend', 'runs → counts, with reasons', async (_args, options: RecommendCommandOptions) => {
    const { recommend } = await import('./commands/recommend.ts')
    return await recommend(options, runtime)
  })
    .option('--rate <rate>', "the load to hold; default the file's workload.rate")
    .option(
      '--run <id>',
      'a run to recommend from; may be repeated; default the newest of each stage',
      collect,
      [],
    )
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--spare <n>', 'replicas that may be lost', '0')
    .option('--growth <factor>', 'times the rate, for example 2x')
    .option('--apply', 'write the counts to ragscale.yaml and scale the running stack', false)
    .option('--verify', 'apply, load again, print predicted beside measured', false)
    .option('--check', "exit 5 when today's counts do not suffice", false)
    .option('--duration <duration>', 'the measured window of --verify', '30s')
    .option('--explain <tier>', 'everything behind the count of one tier')
    .option('--markdown <file>', 'write a summary')

  addVectorCommands(program, runtime, (code) => {
    exitCode = code
  })
  addRolloutCommands(program, runtime, (code) => {
    exitCode = code
  })

  command(
    'demo [folder]',
    'the whole loop on the embedded stack, in a couple of minutes',
    async ([folder], options: DemoOptions) => {
      const { demo } = await import('./commands/demo.ts')
      return await demo({ ...options, folder }, runtime)
    },
  ).option('--out <folder>', 'keep the demo stack and its runs here')

  return Object.assign(program, { result: () => exitCode })
}

function addVectorCommands(program: Command, runtime: Runtime, ended: (code: ExitCode) => void): void {
  const vector = program.command('vector').description('the Qdrant cluster: its shards, nodes and copies')
  const planned = (name: string, description: string): Command =>
    vector
      .command(name)
      .description(description)
      .addOption(targetOption())
      .option('--drain <node>', 'empty a node and take it out; may be repeated', collect, [])
      .option('--shards <n>', 'another count of shards: copies the collection')
      .option('--drop-old', 'remove the collection that a copy replaced', false)
  vector
    .command('status')
    .description('peers, raft, shards by node, states, points and memory')
    .addOption(targetOption())
    .action(async (_own: unknown, self: Command) => {
      const { vectorStatus } = await import('./commands/vector.ts')
      ended(await vectorStatus(self.optsWithGlobals<VectorStatusOptions>(), runtime))
    })
  planned('plan', 'what apply would do, and why').action(async (_own: unknown, self: Command) => {
    const { vectorPlan } = await import('./commands/vector.ts')
    ended(await vectorPlan(self.optsWithGlobals<VectorPlanOptions>(), runtime))
  })
  planned('apply', 'create, replicate, balance, drain or copy, a step at a time')
    .option('--throttle <n>', 'points a second that a copy may write')
    .option('--timeout <duration>', 'how long one step may take', '1h')
    .action(async (_own: unknown, self: Command) => {
      const { vectorApply } = await import('./commands/vector.ts')
      ended(await vectorApply(self.optsWithGlobals<VectorApplyOptions>(), runtime))
    })
}

/** As commander's own, without telling of every switch that it is off. */
function optionDescription({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? [] : [argChoices.join(', ')]
  const initial = typeof defaultValue === 'string' ? [`default ${defaultValue}`] : []
  const details = [...choices, ...initial]
  return details.length === 0 ? description : `${description} (${details.join('; ')})`
}

const examples = `
Examples:
  $ ragscale init --preset laptop --yes   a stack to rehearse with: no Docker, no GPU
  $ ragscale up                           bring it up
  $ ragscale ingest docs                  fill the collection
  $ ragscale loadtest --scenario sweep    measure it
  $ ragscale recommend --rate 200/s       what that load needs, and why
  $ ragscale demo                         all of it

Exit codes:
    0 fine                                4 unhealthy or timed out
    1 failed                              5 an SLO broke, or capacity is insufficient
    2 bad configuration or usage          6 the measurement is invalid
    3 something missing on this machine   130 interrupted`
