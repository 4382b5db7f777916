import type { EngineEnv } from './engine.ts'

/** What the project's global setup hands to its tests: how to reach the engine, or why there is none. */
export type ProvidedEngine =
  | { readonly env: EngineEnv; readonly missing: null }
  | { readonly env: null; readonly missing: string }

declare module 'vitest' {
  interface ProvidedContext {
    engine: ProvidedEngine
  }
}
