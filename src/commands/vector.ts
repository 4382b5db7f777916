import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readStackOn } from '../loop/change-command.ts'
import { styleOf } from '../loop/terminal-style.ts'
import {
  type ApplyOptions,
  type GoalFlags,
  applyVector,
  goalOf,
  openVector,
  viewOf,
  wholeOf,
} from '../loop/vector.ts'
import { agreementOn } from '../loop/vector-agreement.ts'
import { interruptedIn } from '../loop/vector-cut-off.ts'
import { clusterJson, clusterText, copyLine, vectorPlanJson, vectorPlanText } from '../loop/vector-view.ts'
import type { Runtime } from '../runtime.ts'
import type { Target } from '../stack/stack.ts'
import { parseDuration } from '../stack/units.ts'
import { planVector } from '../targets/qdrant/plan.ts'
import { troublesOf } from '../targets/qdrant/view.ts'

export interface VectorStatusOptions extends GlobalOptions {
  readonly target?: Target
}

export interface VectorPlanOptions extends VectorStatusOptions, GoalFlags {}

export interface VectorApplyOptions extends VectorPlanOptions {
  readonly throttle?: string
  readonly timeout: string
}

const progressEveryMs = 1000

/** Exit 0 when all is well, 4 when a node is down, a copy is not active or there is no leader. */
export async function vectorStatus(options: VectorStatusOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target } = await readStackOn(options, runtime)
  const cluster = await openVector(stack, target, runtime)
  try {
    const view = await viewOf(cluster)
    const style = styleOf(runtime.stdout, runtime, options.color)
    runtime.stdout.write(options.json ? clusterJson(view) : clusterText(view, style))
    return troublesOf(view).length === 0 ? ExitCode.ok : ExitCode.unhealthy
  } finally {
    await cluster.close()
  }
}

/** Touches nothing. */
export async function vectorPlan(options: VectorPlanOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target } = await readStackOn(options, runtime)
  const cluster = await openVector(stack, target, runtime)
  try {
    const plan = planVector(await viewOf(cluster), goalOf(stack, cluster, options))
    runtime.stdout.write(options.json ? vectorPlanJson('ragscale.vector-plan/1', plan) : vectorPlanText(plan))
    return ExitCode.ok
  } finally {
    await cluster.close()
  }
}

/**
 * One step after another, each waited for, under the stack's lock. Ctrl-C or a kill: run again, it goes on. Exit 4 also
 * where nothing is left to do and the cluster is not well, as `vector status`.
 */
export async function vectorApply(options: VectorApplyOptions, runtime: Runtime): Promise<ExitCode> {
  const timeoutMs = parseDuration(options.timeout, '--timeout')
  const throttle = options.throttle === undefined ? null : wholeOf(options.throttle, '--throttle')
  const { stack, target } = await readStackOn(options, runtime)
  const say = (text: string) => {
    if (!options.quiet) runtime.stderr.write(`${text}\n`)
  }
  const interrupt = new AbortController()
  const stopListening = runtime.onInterrupt((count) => {
    if (count > 1) runtime.exit(ExitCode.interrupted)
    interrupt.abort()
  })
  const { signal } = interrupt
  try {
    const lock = await target.lock('ragscale vector apply', { timeoutMs, signal, onWait: say })
    try {
      const cluster = await openVector(stack, target, runtime)
      try {
        const goal = goalOf(stack, cluster, options)
        const agree = agreementOn(cluster, options, runtime)
        const applied = await applyVector(cluster, goal, {
          timeoutMs,
          throttle,
          signal,
          agree,
          ...toldTo(say, runtime),
        })
        const { view, troubles } = applied
        const notes = [...applied.notes, ...troubles]
        runtime.stdout.write(
          options.json
            ? vectorPlanJson('ragscale.vector-apply/1', { ...applied, notes }, { cluster: view })
            : `${doneText(applied.steps.length)}\n${notes.map((note) => `note: ${note}\n`).join('')}`,
        )
        return troubles.length === 0 ? ExitCode.ok : ExitCode.unhealthy
      } finally {
        await cluster.close()
      }
    } finally {
      await lock.release()
    }
  } catch (error) {
    if (!signal.aborted || error instanceof UserError) throw error
    throw interruptedIn(null, error)
  } finally {
    stopListening()
  }
}

function doneText(steps: number): string {
  return steps === 0 ? 'nothing to do' : `${steps} ${steps === 1 ? 'step' : 'steps'} done`
}

function toldTo(
  say: (text: string) => void,
  runtime: Runtime,
): Pick<ApplyOptions, 'onStep' | 'onDone' | 'onCopy' | 'onNotice'> {
  let toldMs = 0
  return {
    onStep: ({ what, because }) => say(`${what} (${because})`),
    onDone: ({ what }) => say(`done: ${what}`),
    onCopy: (progress) => {
      if (runtime.now() - toldMs < progressEveryMs && progress.done < progress.total) return
      toldMs = runtime.now()
      say(copyLine(progress))
    },
    onNotice: say,
  }
}
