/** Secrets of a service: by the name of an environment variable, or of one more that names a file. */
import { readFileSync } from 'node:fs'
import { messageOf } from '../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The value of the variable `name`, or what the file holds that `<name>_FILE` names, as orchestrators hand secrets
 * to containers: `undefined` where neither is set. A line break at the file's end is not part of the secret. Read
 * at the start of a service, once.
 * @throws Error that names the variable: both are set, the file cannot be read, or it is empty
 */
export function optionalSecret(name: string, env: Environment): string | undefined {
  const value = present(env[name])
  const file = present(env[`${name}_FILE`])
  if (file === undefined) return value
  if (value !== undefined) throw new Error(`${name} and ${name}_FILE are both set: only one may be`)
  let text
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new Error(`could not read what ${name}_FILE names: ${messageOf(error)}`, { cause: error })
  }
  if (text === '') throw new Error(`the file that ${name}_FILE names, ${file}, is empty`)
  return text
}

/** As `optionalSecret`; `undefined` only where no variable is named, an error where one is and is not set. */
export function requiredSecret(name: string | undefined, env: Environment): string | undefined {
  if (name === undefined) return undefined
  const secret = optionalSecret(name, env)
  if (secret === undefined)
    throw new Error(`the environment variable ${name} is not set, and ${name}_FILE names no file`)
  return secret
}

/** A variable that is set to nothing is not set: `KEY: ${KEY:-}` in a Compose file makes such. */
function present(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
