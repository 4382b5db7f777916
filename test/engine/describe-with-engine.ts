import { describe, inject, test } from 'vitest'
import type { EngineEnv } from './engine.ts'
import type { ProvidedEngine } from './provided.ts'

/**
 * A group of tests that need the engine which the project's files share; `env` names it. Where the machine can have
 * none they are skipped, loudly: the report shows a skipped test that says what is missing and how to get it.
 */
export function describeWithEngine(title: string, tests: (env: EngineEnv) => void): void {
  const { env, missing }: ProvidedEngine = inject('engine')
  describe(title, () => {
    if (env === null) test.skip(`NOT CHECKED: ${missing}`, () => {})
    else tests(env)
  })
}
