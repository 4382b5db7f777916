/** What the docker command has been told for a registry (`docker login`). */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import type { Env } from './context.ts'

export interface Credentials {
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly serveraddress: string
}

const dockerHub = 'https://index.docker.io/v1/'

const configuration = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
})
const helped = z.object({ Username: z.string(), Secret: z.string() })

/** The registry that an image's name names: what is before the first slash, where that looks like a host. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/')
  const isHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost')
  return isHost && first !== 'docker.io' ? first : dockerHub
}

/** Null: nothing is known, and the registry is asked as anybody. */
export async function credentialsFor(image: string, env: Env): Promise<Credentials | null> {
  const serveraddress = registryOf(image)
  const folder = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker')
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}')
  const parsed = configuration.safeParse(jsonOf(text))
  if (!parsed.success) return null
  const { auths, credsStore, credHelpers } = parsed.data
  const helper = credHelpers[serveraddress] ?? credsStore
  if (helper !== undefined) {
    const found = await fromHelper(helper, serveraddress, env)
    if (found !== null) return found
  }
  const entry = auths[serveraddress] ?? auths[`https://${serveraddress}`]
  if (entry?.identitytoken !== undefined) return { identitytoken: entry.identitytoken, serveraddress }
  if (entry?.auth === undefined || entry.auth === '') return null
  const [username = '', ...password] = Buffer.from(entry.auth, 'base64').toString('utf8').split(':')
  return { username, password: password.join(':'), serveraddress }
}

/** @see https://github.com/docker/docker-credential-helpers: the registry on stdin, JSON on stdout */
async function fromHelper(helper: string, serveraddress: string, env: Env): Promise<Credentials | null> {
  const known = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const { stdout, failed } = await execa(`docker-credential-${helper}`, ['get'], {
    reject: false,
    input: serveraddress,
    timeout: 20_000,
    env: known,
    extendEnv: false,
  })
  const parsed = helped.safeParse(failed ? null : jsonOf(stdout))
  if (!parsed.success) return null
  const { Username: username, Secret: password } = parsed.data
  return username === '<token>'
    ? { identitytoken: password, serveraddress }
    : { username, password, serveraddress }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
