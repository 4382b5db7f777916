import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import {
  type StateFile,
  type SupervisedSample,
  type SupervisorStatus,
  type WantedProcess,
  supervisedSample,
  supervisionVersion,
  supervisorStatus,
} from '../../supervision.ts'

/** The supervisor could not be reached, or went away while it was asked. */
export class Unreachable extends Error {}

/** What a supervisor can be asked for. Every call throws `Unreachable` when nobody answers. */
export class ControlClient {
  readonly state: StateFile

  constructor(state: StateFile) {
    this.state = state
  }

  async status(): Promise<SupervisorStatus> {
    return supervisorStatus.parse(await this.#call('GET', '/status', undefined, 3_000))
  }

  /** Those after a sequence number; with null the newest of each process. */
  async samples(since: number | null): Promise<SupervisedSample[]> {
    const query = since === null ? '' : `?since=${since}`
    return z.array(supervisedSample).parse(await this.#call('GET', `/samples${query}`))
  }

  async want(process: WantedProcess): Promise<void> {
    await this.#call('PUT', `/processes/${process.id}`, process)
  }

  /** Resolves when the process is gone: within `graceMs` and a little. */
  async remove(id: string, graceMs: number): Promise<void> {
    await this.#call('DELETE', `/processes/${id}`, { graceMs }, graceMs + 15_000)
  }

  async stop(graceMs: number): Promise<void> {
    await this.#call('POST', '/stop', { graceMs })
  }

  async #call(method: string, path: string, body?: unknown, timeoutMs = 10_000): Promise<unknown> {
    let response: Response
    let answer: unknown
    try {
      response = await fetch(`http://127.0.0.1:${this.state.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.state.token}`, connection: 'close' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      })
      answer = await response.json()
    } catch (error) {
      throw new Unreachable(`the supervisor does not answer: ${messageOf(error)}`, { cause: error })
    }
    if (!response.ok) throw new Error(`the supervisor refused ${method} ${path}: ${JSON.stringify(answer)}`)
    return answer
  }
}

/** Throws a UserError when the running stack was started by a ragscale that speaks another language. */
export function checkVersion(state: StateFile): void {
  if (state.version === supervisionVersion) return
  throw new UserError(`the running stack was started by another version of ragscale (${state.version})`, {
    hint: `Stop it with that version, or with: kill ${state.pid}`,
    exitCode: ExitCode.failed,
    code: 'version',
  })
}
