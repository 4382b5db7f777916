/** The one Secret of a release: which keys there are, and its manifest. Values are made or read here, and never shown. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { secretNames } from '../../catalog/secrets.ts'
import { ExitCode, UserError } from '../../errors.ts'
import {
  type Controller,
  type KubeObject,
  isController,
  managerLabel,
  releaseLabel,
  tierLabel,
} from './objects.ts'
import type { KubernetesObserved, SecretPlan } from './steps.ts'
import type { Wanted } from './wanted.ts'

/** Passwords of the stack's own servers: any value will do, as long as it stays. */
const ownPasswords: readonly string[] = [
  secretNames.vectorKey,
  secretNames.redisPassword,
  secretNames.postgresPassword,
  secretNames.grafanaPassword,
]

/** Of the Secret that pods of these objects mount; null where none does. */
export function secretNameIn(objects: readonly KubeObject[]): string | null {
  for (const object of objects) {
    if (!isController(object)) continue
    for (const volume of (object as Controller).spec.template.spec.volumes ?? []) {
      const name = volume.projected?.sources?.find(({ secret }) => secret !== undefined)?.secret?.name
      if (name !== undefined) return name
    }
  }
  return null
}

/**
 * What of the stack's secrets has to be made or read; null where all are there, or a user sees to them.
 * @throws UserError (exit 2) for one that only the user can give
 */
export function planSecret(
  { secrets }: Wanted,
  { secret, given, release, place }: KubernetesObserved,
): SecretPlan | null {
  if (secret === null) return null
  const missing = secrets.filter(({ name }) => secret.keys?.includes(name) !== true)
  if (secret.users || (secret.keys !== null && !secret.ours)) {
    if (secret.users && secret.keys === null) return null
    const lacking = missing.filter(({ optional }) => !optional)
    if (lacking.length > 0)
      throw lacks(
        secret.name,
        lacking.map(({ name }) => name),
      )
    return null
  }
  const make = missing.filter(({ name }) => !given.has(name) && ownPasswords.includes(name))
  const read = missing.filter(({ name }) => given.has(name))
  const nobodys = missing.filter((one) => !one.optional && !make.includes(one) && !read.includes(one))
  if (nobodys.length > 0) throw ungiven(nobodys.map(({ name }) => name))
  if (make.length === 0 && read.length === 0) return null
  return {
    name: secret.name,
    release: release.name,
    place,
    make: make.map(({ name }) => name),
    read: Object.fromEntries(read.map(({ name }) => [name, given.get(name) ?? ''])),
    exists: secret.keys !== null,
  }
}

/** The manifest of a Secret, or the patch of one that is there. It holds values: it goes to standard inputs only. */
export async function secretManifest({ name, release, make, read, exists }: SecretPlan): Promise<object> {
  const values: Record<string, string> = {}
  for (const key of make) values[key] = randomBytes(32).toString('base64url')
  // A newline at a file's end is the editor's, not the value's.
  for (const [key, path] of Object.entries(read))
    values[key] = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  if (exists) return { stringData: values }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name,
      labels: {
        [releaseLabel]: release,
        [tierLabel]: 'secrets',
        [managerLabel]: 'ragscale',
      },
    },
    stringData: values,
  }
}

function lacks(name: string, keys: readonly string[]): UserError {
  return new UserError(`Secret ${name} lacks ${keys.join(', ')}, and it is not ragscale's to change`, {
    hint: `kubectl patch secret ${name} …, or let ragscale make one: secrets.existingSecret in deploy/helm/values.override.yaml names it`,
    exitCode: ExitCode.usage,
    code: 'secret',
  })
}

function ungiven(names: readonly string[]): UserError {
  return new UserError(`the stack needs ${names.join(' and ')}, which only you can give`, {
    hint: `Write it to a file, and nothing else with it: ${names.map((name) => `deploy/helm/secrets/${name}`).join(', ')}`,
    exitCode: ExitCode.usage,
    code: 'secret',
  })
}
