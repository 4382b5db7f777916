import { tmpdir } from 'node:os'
import type { Output, Prompts, Runtime } from '../../src/runtime.ts'

/** A process that is not one: what a command wrote is kept, and asking is an error unless answers are given. */
export interface FakeRuntime extends Runtime {
  readonly out: () => string
  readonly err: () => string
}

export interface FakeOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What to answer, by a part of the question; a question without one fails the test. */
  readonly answers?: Readonly<Record<string, string | boolean>>
}

export function fakeRuntime(options: FakeOptions = {}): FakeRuntime {
  const out = memory()
  const err = memory()
  return {
    cwd: options.cwd ?? tmpdir(),
    env: options.env ?? {},
    stdout: out.output,
    stderr: err.output,
    interactive: options.answers !== undefined,
    prompts: answering(options.answers ?? {}),
    cacheDir: `${options.cwd ?? tmpdir()}/.cache`,
    now: () => Date.now(),
    onInterrupt: () => () => undefined,
    exit: (code) => {
      throw new Error(`exit(${code}) was called`)
    },
    out: out.text,
    err: err.text,
  }
}

function memory(): { output: Output; text: () => string } {
  let text = ''
  const write = (more: string) => {
    text += more
  }
  return { output: { isTTY: false, columns: undefined, write }, text: () => text }
}

/** An answer is checked as the real prompt checks it, so a test cannot answer what nobody could. */
function answering(answers: Readonly<Record<string, string | boolean>>): Prompts {
  const answerTo = (question: string): string | boolean => {
    const found = Object.entries(answers).find(([part]) => question.includes(part))
    if (found === undefined) throw new Error(`nobody answers: ${question}`)
    return found[1]
  }
  return {
    confirm: (question) => Promise.resolve(answerTo(question) === true),
    input: (question, options) => {
      const given = String(answerTo(question))
      const answer = given === '<default>' ? (options?.initial ?? '') : given
      const valid = options?.validate?.(answer) ?? true
      if (valid !== true) throw new Error(`${question} refuses ${answer}: ${valid}`)
      return Promise.resolve(answer)
    },
    select: (question, choices, options) => {
      const given = answerTo(question)
      const value = given === '<default>' ? options?.initial : given
      const choice = choices.find((choice) => choice.value === value)
      if (choice === undefined) throw new Error(`${question} has no choice ${String(given)}`)
      return Promise.resolve(choice.value)
    },
  }
}
