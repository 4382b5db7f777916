import type { GlobalOptions } from '../cli.ts'
import { examine } from '../doctor.ts'
import type { Finding } from '../doctor.ts'
import { ExitCode } from '../errors.ts'
import { showBuildProgress } from '../load/k6/build-progress.ts'
import { interruption } from '../loop/interruption.ts'
import type { Runtime } from '../runtime.ts'

export interface DoctorCommandOptions extends GlobalOptions {
  readonly build: boolean
}

/** What this machine has and lacks; exit 3 when something is missing that every load test needs, or the stack’s target. */
export async function doctor(options: DoctorCommandOptions, runtime: Runtime): Promise<ExitCode> {
  const interrupt = interruption(runtime, 'k6 was not built')
  const findings = await examine(
    {
      file: options.file,
      build: options.build,
      signal: interrupt.signal,
      ...(options.quiet ? {} : { onBuild: showBuildProgress(runtime.stderr) }),
    },
    runtime,
  )
    .catch((error: unknown) => {
      throw interrupt.explain(error)
    })
    .finally(() => interrupt.stop())
  const lacks = findings.filter(({ state }) => state === 'lacks')
  if (options.json) runtime.stdout.write(`${JSON.stringify({ schema: 'ragscale.doctor/1', findings })}\n`)
  else for (const finding of options.quiet ? lacks : findings) runtime.stdout.write(lineOf(finding))
  return lacks.length === 0 ? ExitCode.ok : ExitCode.missing
}

const marks: Readonly<Record<Finding['state'], string>> = { has: '✓', note: '–', lacks: '✗' }

function lineOf({ name, state, says, cure }: Finding): string {
  const text = `${marks[state]} ${name.padEnd(14)} ${says.replaceAll('\n', '\n  ')}\n`
  return cure === null ? text : `${text}    → ${cure.replaceAll('\n', '\n      ')}\n`
}
