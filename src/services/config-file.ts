/** The configuration of a service that nobody forked: JSON in a file, with variables of the environment in it. */
import { readFile } from 'node:fs/promises'
import { messageOf } from '../errors.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the file that `RAGSCALE_CONFIG` names and puts in the variables that its strings name.
 * @throws Error with the file and what is wrong with it, in words
 */
export async function readConfigFile(env: Environment): Promise<unknown> {
  const file = env['RAGSCALE_CONFIG']
  if (file === undefined || file === '')
    throw new Error('RAGSCALE_CONFIG must name a JSON file with the configuration of this service.')
  try {
    return expandVariables(JSON.parse(await readFile(file, 'utf8')) as unknown, env)
  } catch (error) {
    throw new Error(`could not read ${file}: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * `${NAME}` in every string of a JSON value becomes the variable's value; `$${NAME}` stays as `${NAME}`. Keys
 * stay as they are. What differs from replica to replica (`${HOSTNAME}`) needs no file of its own then. Secrets do
 * not come this way: a configuration names the variable that holds one.
 * @throws Error that names a variable which is not set
 */
export function expandVariables(value: unknown, env: Environment): unknown {
  if (typeof value === 'string') return expandText(value, env)
  if (Array.isArray(value)) return value.map((item) => expandVariables(item, env))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandVariables(item, env)]))
}

function expandText(text: string, env: Environment): string {
  return text.replaceAll(
    /(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
    (whole: string, escape: string, name: string) => {
      if (escape !== '') return whole.slice(1)
      const found = env[name]
      if (found === undefined) throw new Error(`"${text}" names the variable ${name}, which is not set`)
      return found
    },
  )
}
