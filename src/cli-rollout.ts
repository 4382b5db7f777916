/** `ragscale rollout …` in the command tree. */
import type { Command } from 'commander'
import { collect, targetOption } from './cli-options.ts'
import type { BlueGreenOptions, CanaryOptions, RolloutGlobalOptions } from './commands/rollout.ts'
import type { ExitCode } from './errors.ts'
import type { Runtime } from './runtime.ts'

export function addRolloutCommands(
  program: Command,
  runtime: Runtime,
  ended: (code: ExitCode) => void,
): void {
  const rollout = program
    .command('rollout')
    .description('another version of a tier, proven under load before it is the only one')
  const subcommand = (usage: string, description: string): Command =>
    rollout
      .command(usage)
      .description(description)
      .addOption(targetOption())
      .option('--runs <folder>', 'where runs are kept', 'runs')
  const begun = (usage: string, description: string): Command =>
    subcommand(usage, description)
      .option('--image <image>', 'its image')
      .option('--model <name>', 'its model')
      .option('--set <key=value>', 'another key of the tier, for example gpu=L40S', collect, [])
      .option('--rate <rate>', "the load of the whole tier; default the file's workload.rate")
      .option('--dry-run', 'print the plan and do nothing', false)
      .option('--timeout <duration>', 'how long a replica may take to become healthy', '10m')
  begun('canary <tier>', 'a growing share of the requests; each step compared with the version that is there')
    .option('--steps <shares>', 'of 100 requests, at each step', '5,25,50,100')
    .option('--tolerance <percentage>', 'how much slower it may be, at each percentile', '10%')
    .option('--error-tolerance <percentage>', 'how many more requests may fail', '0.5%')
    .option('--max-wait <duration>', 'how long a step may take to be told', '10m')
    .action(async (tier: string, _own: unknown, self: Command) => {
      const { canary } = await import('./commands/rollout.ts')
      ended(await canary({ ...self.optsWithGlobals<CanaryOptions>(), tier }, runtime))
    })
  begun('bluegreen <tier>', 'all of it beside the version that is there, load-tested, switched at once')
    .option('--duration <duration>', 'of its load test', '60s')
    .option('--soak <duration>', 'how long the version before stays after the switch', '60s')
    .option('--keep', 'until ragscale rollout resume ends it, or abort goes back', false)
    .action(async (tier: string, _own: unknown, self: Command) => {
      const { bluegreen } = await import('./commands/rollout.ts')
      ended(await bluegreen({ ...self.optsWithGlobals<BlueGreenOptions>(), tier }, runtime))
    })
  subcommand('status', 'where a rollout is, or what came of the last one').action(
    async (_own: unknown, self: Command) => {
      const { rolloutStatus } = await import('./commands/rollout.ts')
      ended(await rolloutStatus(self.optsWithGlobals<RolloutGlobalOptions>(), runtime))
    },
  )
  subcommand('resume', 'go on with one that was killed; end one that is kept').action(
    async (_own: unknown, self: Command) => {
      const { resumeRollout } = await import('./commands/rollout.ts')
      ended(await resumeRollout(self.optsWithGlobals<RolloutGlobalOptions>(), runtime))
    },
  )
  subcommand('abort', 'back to the version that was there').action(async (_own: unknown, self: Command) => {
    const { abortRollout } = await import('./commands/rollout.ts')
    ended(await abortRollout(self.optsWithGlobals<RolloutGlobalOptions>(), runtime))
  })
}
