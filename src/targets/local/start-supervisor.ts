import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { UserError, messageOf } from '../../errors.ts'
import type { FromSupervisor, StateFile, ToSupervisor } from '../../supervision.ts'
import type { Places } from './places.ts'
import { installedService } from './services.ts'

const readyWithinMs = 20_000

export interface SupervisorHome {
  /** Of the stack, absolute. */
  readonly folder: string
  /** The environment of every process; undefined: this one's. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined
}

export interface StartedSupervisor {
  readonly state: StateFile
  /** Lets it live on without us. Until then it ends, with all its processes, when we do. */
  letStay(): Promise<void>
}

/**
 * Starts a supervisor that no Ctrl-C of this terminal reaches.
 * @throws UserError when it cannot begin (a folder that cannot be written …)
 */
export async function startSupervisor(
  stack: string,
  home: SupervisorHome,
  places: Places,
): Promise<StartedSupervisor> {
  const log = openLog(places)
  let child: ChildProcess
  try {
    child = fork(installedService('supervisor'), [], {
      cwd: home.folder,
      ...(home.env === undefined ? {} : { env: home.env }),
      detached: true,
      execArgv: [],
      stdio: ['ignore', log, log, 'ipc'],
    })
  } finally {
    closeSync(log)
  }
  // It must not keep this process from ending.
  child.unref()
  try {
    const state = await booted(child, { type: 'boot', stack, folder: places.folder })
    return { state, letStay: async () => await letStay(child) }
  } catch (error) {
    child.kill('SIGKILL')
    throw new UserError(`could not start the supervisor of ${stack}: ${messageOf(error)}`, {
      hint: `See ${join(places.logs, 'supervisor.log')}`,
      cause: error,
    })
  }
}

function openLog(places: Places): number {
  try {
    mkdirSync(places.logs, { recursive: true })
    return openSync(join(places.logs, 'supervisor.log'), 'a')
  } catch (error) {
    throw new UserError(`could not write to ${places.folder}: ${messageOf(error)}`, {
      hint: 'A local stack keeps its state beside ragscale.yaml: the folder must be writable, and the disk not full.',
      cause: error,
    })
  }
}

async function booted(child: ChildProcess, message: ToSupervisor): Promise<StateFile> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`it was not ready within ${readyWithinMs / 1000} s`)),
      readyWithinMs,
    )
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`it ended at once (${signal ?? `exit code ${code}`})`)),
    )
    child.on('message', (answer: FromSupervisor) => {
      clearTimeout(timer)
      if (answer.type === 'ready') resolve(answer.state)
      else reject(new Error(answer.message))
    })
    child.send(message)
  })
}

async function letStay(child: ChildProcess): Promise<void> {
  if (!child.connected) return
  const stay: ToSupervisor = { type: 'stay' }
  const gone = new Promise<void>((resolve) => child.once('disconnect', () => resolve()))
  child.send(stay)
  await gone
}
