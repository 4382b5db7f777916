/** `ragscale.yaml` → a `Stack`, or everything that is wrong with it at once. */
import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import { findingsOf } from './issues.ts'
import { normalise } from './normalise.ts'
import { ConfigError, type Finding, type Path, type Problem } from './problems.ts'
import { applyRules } from './rules.ts'
import { type StackShape, stackSchema } from './schema.ts'
import { secretsIn } from './secrets.ts'
import type { Stack } from './stack.ts'
import { type YamlFile, locate, parseYaml } from './yaml-document.ts'

export interface ReadStack {
  /** Null when there is an error among the problems. */
  readonly stack: Stack | null
  /** Errors and warnings, in the order of the file. */
  readonly problems: readonly Problem[]
}

/** Reads a file's text; `file` is its absolute path, for the paths in it. Nothing is thrown, nothing on disk is looked at. */
export function readStack(text: string, file: string): ReadStack {
  const yaml = parseYaml(text)
  if (yaml.problems.length > 0) return { stack: null, problems: yaml.problems }
  const { shape, findings } = check(withoutNulls(yaml.value))
  const problems = placed(findings, yaml)
  const broken = problems.some((problem) => problem.severity === 'error')
  return { stack: broken || shape === null ? null : normalise(shape, file), problems }
}

export interface LoadOptions {
  /** Relative paths are relative to it. */
  readonly cwd: string
  /** Reads a text file; the disk unless a test says otherwise. */
  readonly read?: (path: string) => Promise<string>
  /** Called with each warning, ready to print. */
  readonly warn?: (problem: Problem) => void
}

/** Throws a ConfigError (exit 2) with every problem, or a UserError (exit 2) when there is no such file. */
export async function loadStack(file: string, options: LoadOptions): Promise<Stack> {
  const path = resolve(options.cwd, file)
  const { stack, problems } = readStack(await textOf(path, options), path)
  if (stack === null) throw new ConfigError(shownPath(path, options.cwd), problems)
  for (const problem of problems) options.warn?.(problem)
  return stack
}

/** Relative to where the user is, unless that is a detour. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path)
  return short.startsWith('..') ? path : short
}

async function textOf(path: string, options: LoadOptions): Promise<string> {
  try {
    return await (options.read ?? ((name) => readFile(name, 'utf8')))(path)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const shown = shownPath(path, options.cwd)
    throw new UserError(
      missing ? `There is no ${shown}.` : `${shown} could not be read: ${messageOf(error)}`,
      {
        ...(missing ? { hint: 'Write one with: ragscale init' } : {}),
        exitCode: ExitCode.usage,
        code: 'config',
        cause: error,
      },
    )
  }
}

function check(value: unknown): { shape: StackShape | null; findings: readonly Finding[] } {
  const secrets = secretsIn(value)
  // A key that holds a secret gets no second message, which might repeat it.
  const clean = without(
    value,
    secrets.map((secret) => secret.path),
  )
  const result = stackSchema.safeParse(clean, { reportInput: true })
  if (result.success) return { shape: result.data, findings: [...secrets, ...applyRules(result.data)] }
  const wrong = findingsOf(result.error.issues, clean).filter(
    (found) => !secrets.some((secret) => within(secret.path, found.path)),
  )
  return { shape: null, findings: [...secrets, ...wrong, ...rulesDespite(clean, [...secrets, ...wrong])] }
}

/** What the rules find in the rest of a file, so that everything is said at once; what depends on a wrong key is left out. */
function rulesDespite(value: unknown, wrong: readonly Finding[]): Finding[] {
  const paths = wrong.map((finding) => finding.path)
  const rest = stackSchema.safeParse(without(value, paths))
  if (!rest.success) return []
  return applyRules(rest.data).filter(
    (finding) =>
      !finding.about.some((about) => paths.some((path) => within(path, about) || within(about, path))),
  )
}

function within(outer: Path, inner: Path): boolean {
  return outer.every((segment, index) => inner[index] === segment)
}

function placed(findings: readonly Finding[], yaml: YamlFile): Problem[] {
  const problems = findings.map((finding): Problem => {
    const { severity, path, message, hint } = finding
    return {
      severity,
      key: path.join('.'),
      message,
      ...locate(yaml, path, finding.atKey),
      ...(hint !== undefined && { hint }),
    }
  })
  return problems.sort((a, b) => a.line - b.line || a.column - b.column)
}

/** A key without a value is a key that is not set. */
function withoutNulls(value: unknown): unknown {
  if (value === null) return {}
  return prune(value)
}

function prune(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, prune(inner)]),
  )
}

/** A copy without these paths; of a list the whole item goes, since the others would not be right without its keys. */
function without(value: unknown, paths: readonly Path[]): unknown {
  if (Array.isArray(value))
    return value.filter((_, index) => !paths.some((path) => path[0] === String(index)))
  if (typeof value !== 'object' || value === null) return value
  const here = new Set(paths.filter((path) => path.length === 1).map((path) => path[0]))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !here.has(key))
      .map(([key, inner]) => [
        key,
        without(
          inner,
          paths.filter((path) => path.length > 1 && path[0] === key).map((path) => path.slice(1)),
        ),
      ]),
  )
}
