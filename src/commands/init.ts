import { relative, resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { type Deployed, deployFirst, renderFirst } from '../deployed/first.ts'
import { shownIn } from '../deployed/folder.ts'
import { conflictsAmong } from '../deployed/plan.ts'
import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { parseAssignment } from '../stack/assignment.ts'
import { exists, writeStack } from '../stack/init/files.ts'
import { type Choices, type Given, ask } from '../stack/init/questions.ts'
import { nearest } from '../stack/issues.ts'
import { readStack, shownPath } from '../stack/load.ts'
import { type Preset, presetNames, presetText } from '../stack/presets.ts'
import { formatProblem } from '../stack/problems.ts'
import { applyChanges } from '../stack/save.ts'
import type { Stack, Target } from '../stack/stack.ts'

export interface InitOptions extends GlobalOptions {
  readonly preset?: string
  readonly target?: Target
  /** `tiers.embed.replicas=3` */
  readonly set?: readonly string[]
  readonly out?: string
  readonly force?: boolean
}

/**
 * Writes `ragscale.yaml`, what belongs beside it, and `deploy/`: from answers when somebody can give them, else from flags
 * and the preset `laptop`. An existing file is replaced only after asking, or with `--force`.
 */
export async function init(options: InitOptions, runtime: Runtime): Promise<ExitCode> {
  const file = resolve(runtime.cwd, options.out ?? '.', options.file)
  const asking = runtime.interactive && !options.yes && !options.json
  if (!(await mayWrite(file, asking, options, runtime))) return ExitCode.ok
  const given: Given = {
    ...(options.target === undefined ? {} : { target: options.target }),
    ...(options.preset === undefined ? {} : { preset: presetNamed(options.preset) }),
    changes: (options.set ?? []).map(parseAssignment),
  }
  if (given.preset !== undefined && given.target === 'external') {
    throw new UserError('--preset says which servers to run, and target external runs none.', {
      hint: 'ragscale init --target external --set endpoints.embed.url=http://…',
      exitCode: ExitCode.usage,
      code: 'usage',
    })
  }
  const choices = asking ? await ask(given, runtime.prompts) : unasked(given)
  const { text, stack } = await textFor(choices, file, runtime.cwd)
  // Before anything is written: a stack that its target cannot run is no file either.
  const first = await renderFirst(stack)
  const written = await writeStack(text, stack)
  const deployed = await deployFirst(first)
  const next = nextCommands(stack, runtime.cwd)
  if (options.json) {
    const files = written.map(({ path, kept }) => ({ path, kept }))
    const deploy = {
      folder: deployed.folder,
      rendering: deployed.rendering,
      files: deployed.changes.map(({ path, kind }) => ({ path, change: kind })),
    }
    const { name, target } = stack
    const result = { schema: 'ragscale.init/1', file, name, target, files, deploy, next }
    runtime.stdout.write(`${JSON.stringify(result)}\n`)
    return ExitCode.ok
  }
  if (options.quiet) return ExitCode.ok
  for (const { path, kept, what } of written) {
    runtime.stdout.write(`${kept ? 'kept ' : 'wrote'} ${shownPath(path, runtime.cwd).padEnd(32)} ${what}\n`)
  }
  runtime.stdout.write(deployedLines(deployed, runtime.cwd))
  for (const problem of readStack(text, file).problems) {
    runtime.stderr.write(`${formatProblem(shownPath(file, runtime.cwd), problem)}\n`)
  }
  runtime.stdout.write(`\nNext:\n${next.map((line) => `  ${line}\n`).join('')}`)
  return ExitCode.ok
}

async function mayWrite(
  file: string,
  asking: boolean,
  options: InitOptions,
  runtime: Runtime,
): Promise<boolean> {
  if (options.force === true || !(await exists(file))) return true
  const shown = shownPath(file, runtime.cwd)
  if (asking) {
    if (await runtime.prompts.confirm(`${shown} exists. Replace it?`, { initial: false })) return true
    runtime.stderr.write(`${shown} is as it was.\n`)
    return false
  }
  throw new UserError(`${shown} exists already and is as it was.`, {
    hint: 'Change it with an editor, write elsewhere with --out, or replace it with --force.',
    exitCode: ExitCode.usage,
    code: 'exists',
  })
}

function presetNamed(name: string): Preset {
  const found = presetNames.find((preset) => preset === name)
  if (found !== undefined) return found
  const near = nearest(name, presetNames)
  throw new UserError(
    `There is no preset ${JSON.stringify(name)}${near === undefined ? '' : `: did you mean ${near}?`}`,
    {
      hint: `Presets: ${presetNames.join(', ')}`,
      exitCode: ExitCode.usage,
      code: 'usage',
    },
  )
}

function unasked(given: Given): Choices {
  const target = given.target ?? 'local'
  return { target, preset: given.preset ?? 'laptop', changes: given.changes }
}

async function textFor(choices: Choices, file: string, cwd: string): Promise<{ text: string; stack: Stack }> {
  const { target, preset, changes } = choices
  const text = await presetText(target === 'external' ? 'external' : preset)
  return applyChanges(text, [{ path: 'target', value: target }, ...changes], file, cwd)
}

/** One line for all that is ours, and one for each file that is not. */
function deployedLines({ folder, rendering, changes }: Deployed, cwd: string): string {
  const kept = conflictsAmong(changes)
  const count = changes.length - kept.length
  const what = rendering === 'ci' ? 'CI jobs' : `the stack for ${rendering}, and CI jobs`
  const line = (word: string, path: string, says: string): string =>
    `${word} ${shownIn(folder, path, cwd).padEnd(32)} ${says}\n`
  return [
    line('wrote', rendering === 'ci' ? 'ci' : '', `${what}: ${count} files`),
    ...kept.map(({ path }) => line('kept ', path, 'as it was: ragscale render says more')),
  ].join('')
}

/** What one does next, with `--file` where the stack is not the one that commands find by themselves. */
function nextCommands(stack: Stack, cwd: string): string[] {
  const path = relative(cwd, stack.file)
  const ragscale = path === 'ragscale.yaml' ? 'ragscale' : `ragscale --file ${shownPath(stack.file, cwd)}`
  const recommend = `${ragscale} recommend --rate ${Math.ceil(stack.workload.rate * 2)}/s`
  if (stack.target === 'external') {
    const [name = 'embed'] = Object.keys(stack.endpoints)
    const stage = name === 'vector' ? 'retrieve' : name
    return [
      `${ragscale} loadtest --stage ${stage} --scenario smoke`,
      `${ragscale} loadtest --stage ${stage} --scenario sweep`,
      recommend,
    ]
  }
  const ingest =
    stack.tiers.embed !== undefined && stack.tiers.vector !== undefined ? [`${ragscale} ingest <folder>`] : []
  return [`${ragscale} up`, ...ingest, `${ragscale} loadtest --scenario sweep`, recommend]
}
