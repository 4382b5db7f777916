/**
 * The supervisor of one local stack. It is forked detached, told by its parent which stack it is for, and goes
 * with its parent (a killed `ragscale up` leaves nothing behind) until it is told to stay. From then on it is
 * reached through `state.json`. When it is killed, its processes end by themselves: their channel closes.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, unlinkSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { processStart } from '../../process-start.ts'
import {
  type FromSupervisor,
  type StateFile,
  type ToSupervisor,
  supervisionVersion,
} from '../../supervision.ts'
import { startControl } from './control.ts'
import { Supervisor } from './supervisor.ts'
import { writeWhole } from '../../whole-file.ts'

const lookAfterStateMs = 1_000

let stays = false
let ending = false
let end: (graceMs: number) => Promise<void> = async () => process.exit(0)

async function boot(stack: string, folder: string): Promise<StateFile> {
  await mkdir(folder, { recursive: true })
  const supervisor = new Supervisor(stack, folder)
  const token = randomBytes(32).toString('hex')
  const control = await startControl(supervisor, token, (graceMs) => void end(graceMs))
  const file = join(folder, 'state.json')
  const state: StateFile = {
    version: supervisionVersion,
    pid: process.pid,
    processStart: await processStart(process.pid),
    port: control.port,
    token,
    stack,
  }
  const leave = (): never => {
    control.close()
    try {
      unlinkSync(file)
    } catch {
      // Gone already, or its folder is.
    }
    // What still runs goes too: its channel closes.
    process.exit(0)
  }
  end = async (graceMs) => {
    if (ending) {
      // Asked again, it waits no longer than it is told now.
      setTimeout(leave, graceMs)
      return
    }
    ending = true
    await supervisor.stop(graceMs)
    leave()
  }
  await writeWhole(file, `${JSON.stringify(state)}\n`, 0o600)
  // Whoever removes the file takes away the only way to reach this supervisor: it must not go on unseen.
  setInterval(() => {
    if (!existsSync(file)) void end(0)
  }, lookAfterStateMs)
  return state
}

function tellParent(message: FromSupervisor): void {
  if (process.connected) process.send?.(message, () => {})
}

process.on('message', (message: ToSupervisor) => {
  if (message.type === 'stay') {
    stays = true
    process.disconnect()
    return
  }
  boot(message.stack, message.folder).then(
    (state) => tellParent({ type: 'ready', state }),
    (error: unknown) => {
      tellParent({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
      process.exitCode = 1
      process.disconnect()
    },
  )
})
process.on('disconnect', () => {
  if (!stays) void end(0)
})
process.on('SIGTERM', () => void end(10_000))
process.on('SIGINT', () => void end(10_000))
// A terminal that closes is no reason to end a stack.
process.on('SIGHUP', () => {})
