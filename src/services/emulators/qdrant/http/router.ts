import type { Answer } from './answer.ts'
import type { ApiRequest } from './request.ts'

export type Handle = (request: ApiRequest) => Answer | Promise<Answer>

/** What a key must allow. */
export type Access = 'none' | 'read' | 'write'

export interface Route {
  readonly method: string
  /** With parameters in braces, as Qdrant names them in its metrics. */
  readonly path: string
  readonly access: Access
  readonly handle: Handle
  readonly segments: readonly string[]
}

export interface Match {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

export function route(method: string, path: string, access: Access, handle: Handle): Route {
  return { method, path, access, handle, segments: path.split('/').slice(1) }
}

/** Finds the route of a request; a path's own words go before its parameters. */
export class Router {
  readonly #byLength = new Map<string, Route[]>()

  constructor(routes: readonly Route[]) {
    for (const one of routes) {
      const name = `${one.method} ${one.segments.length}`
      this.#byLength.set(name, [...(this.#byLength.get(name) ?? []), one])
    }
  }

  find(method: string, path: string): Match | null {
    const segments = path.split('/').slice(1)
    const candidates = this.#byLength.get(`${method} ${segments.length}`) ?? []
    let best: Match | null = null
    for (const candidate of candidates) {
      const params = matched(candidate.segments, segments)
      if (
        params !== null &&
        (best === null || Object.keys(params).length < Object.keys(best.params).length)
      ) {
        best = { route: candidate, params }
      }
    }
    return best
  }
}

function matched(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {}
  for (const [index, wanted] of pattern.entries()) {
    const found = segments[index]!
    if (!wanted.startsWith('{')) {
      if (wanted !== found) return null
    } else {
      if (found === '') return null
      try {
        params[wanted.slice(1, -1)] = decodeURIComponent(found)
      } catch {
        return null
      }
    }
  }
  return params
}
