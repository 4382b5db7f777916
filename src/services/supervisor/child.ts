import { type ChildProcess, fork } from 'node:child_process'
import type { FromService, ProcessSample, ToService } from '../process.ts'
import type { LogFile } from './log-file.ts'

export interface ChildListener {
  onListening(port: number): void
  /** It refused its configuration; it exits by itself when it was its first. */
  onFailed(message: string): void
  onConfigured(): void
  onSample(sample: ProcessSample): void
  /** Called once, also when it could not be forked. */
  onEnd(how: string): void
}

/** A forked service, spoken to by the protocol of services/process.ts. */
export class Child {
  readonly #process: ChildProcess
  #ended = false

  constructor(main: string, log: LogFile, listener: ChildListener) {
    this.#process = fork(main, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const end = (how: string): void => {
      if (this.#ended) return
      this.#ended = true
      listener.onEnd(how)
    }
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => log.append(text))
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => log.append(text))
    this.#process.on('message', (message: FromService) => dispatch(message, listener))
    this.#process.on('error', (error) => {
      // Also raised for a message that could not be sent; only a process that never was has no end of its own.
      if (this.#process.pid === undefined) end(`could not be started: ${error.message}`)
    })
    this.#process.on('exit', (code, signal) =>
      end(signal === null ? `exited with code ${code}` : `was killed by ${signal}`),
    )
  }

  get pid(): number | null {
    return this.#process.pid ?? null
  }

  send(message: ToService): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}

function dispatch(message: FromService, listener: ChildListener): void {
  switch (message.type) {
    case 'listening':
      listener.onListening(message.port)
      break
    case 'failed':
      listener.onFailed(message.message)
      break
    case 'configured':
      listener.onConfigured()
      break
    case 'sample':
      listener.onSample(message)
      break
  }
}
