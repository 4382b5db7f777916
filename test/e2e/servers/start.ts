import { fork } from 'node:child_process'

/** A server of this folder in a process of its own. */
export interface TestServer<To, From> {
  /** Sends a message and waits for the answer of this type. */
  ask<T extends (From & { type: string })['type']>(message: To, type: T): Promise<Extract<From, { type: T }>>
  stop(): void
}

export function startServer<To extends object, From extends { type: string }>(
  file: string,
): TestServer<To, From> {
  // Vitest's own flags are not for a plain process.
  const child = fork(new URL(file, import.meta.url), { execArgv: [], serialization: 'advanced' })
  return {
    ask: async (message, type) =>
      await new Promise((resolve, reject) => {
        const onMessage = (answer: From): void => {
          if (answer.type !== type) return
          child.off('message', onMessage)
          child.off('exit', onExit)
          resolve(answer as Extract<From, { type: typeof type }>)
        }
        const onExit = (code: number | null): void => reject(new Error(`${file} ended with ${code}`))
        child.on('message', onMessage)
        child.once('exit', onExit)
        child.send(message)
      }),
    stop: () => void child.kill('SIGTERM'),
  }
}
