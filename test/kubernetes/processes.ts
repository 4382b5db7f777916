/** Programs that are started together, log into one folder and are ended in the opposite order. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Of a run that is killed none stays: each ends with this process, however that ends. */
const tied = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', '--'] : []

interface Started {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  child: ChildProcess
}

export class Processes {
  readonly #folder: string
  readonly #within: readonly string[]
  readonly #started: Started[] = []

  /** @param within what a program and its arguments are put behind, to run elsewhere; it ends with this process too */
  constructor(folder: string, within: readonly string[] = tied) {
    this.#folder = folder
    this.#within = within
  }

  /** @param env beside this process's own */
  start(
    name: string,
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): void {
    this.#started.push({ name, program, args, env, child: this.#spawn(name, program, args, env) })
  }

  /** Ends one, as by a crash. */
  async kill(name: string): Promise<void> {
    const { child } = this.#named(name)
    const ended = once(child, 'exit')
    // Whoever has it run elsewhere waits for it, and ends with it.
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '')
    const [inner] = children.trim().split(' ').map(Number)
    if (inner === undefined || inner === 0) child.kill('SIGKILL')
    else process.kill(inner, 'SIGKILL')
    await ended
  }

  /** Starts one again that was killed, as it was started before. */
  restart(name: string): void {
    const started = this.#named(name)
    started.child = this.#spawn(name, started.program, started.args, started.env)
  }

  /** Of one that has ended by itself; null while all run. */
  ended(): string | null {
    return this.#started.find(({ child }) => !isRunning(child))?.name ?? null
  }

  /** What each has written last. */
  async lastWords(): Promise<string> {
    const texts = this.#started.map(
      async ({ name }) => `${name}:\n${(await readFile(this.#log(name), 'utf8')).slice(-2000)}`,
    )
    return (await Promise.all(texts)).join('\n')
  }

  /** The last that was started first: an API server waits for its etcd for as long as a minute when that goes first. */
  async close(): Promise<void> {
    for (const { child } of this.#started.toReversed()) {
      if (!isRunning(child)) continue
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(killing)
    }
  }

  #spawn(
    name: string,
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): ChildProcess {
    const log = openSync(this.#log(name), 'a')
    try {
      const [first = '', ...rest] = [...this.#within, program, ...args]
      return spawn(first, rest, {
        cwd: this.#folder,
        env: { ...process.env, ...env },
        stdio: ['ignore', log, log],
      })
    } finally {
      closeSync(log)
    }
  }

  #log(name: string): string {
    return join(this.#folder, `${name}.log`)
  }

  #named(name: string): Started {
    const found = this.#started.find((started) => started.name === name)
    if (found === undefined) throw new Error(`no ${name} was started`)
    return found
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}
