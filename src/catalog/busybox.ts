/** Health checks for images that have busybox's wget and no curl. */
import type { Health } from './container.ts'

export function healthByWget(port: number, path: string, startupSeconds = 60): Health {
  return {
    http: { path, port },
    command: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${port}${path}`],
    livePath: null,
    startupSeconds,
    intervalSeconds: 15,
    timeoutSeconds: 5,
    failures: 3,
  }
}
