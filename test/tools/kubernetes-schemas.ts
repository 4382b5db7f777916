/**
 * `node test/tools/kubernetes-schemas.ts`: makes the schemas that `kubeconform` holds our manifests to, from the APIs'
 * own definitions, which Go modules carry. Made once, into `.cache/kubernetes-schemas/`; nothing of it is committed.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { run, say } from './command.ts'
import { fromCrds, fromSwagger, type Schemas } from './kubernetes-schemas-convert.ts'

/** The newest three minors of Kubernetes that the Go module proxy serves (November 2026). */
export const kubernetesVersions = ['1.34.4', '1.35.4', '1.36.3'] as const

/** Modules that carry custom resource definitions, and where in them. */
export const extensions = [
  { module: 'sigs.k8s.io/gateway-api@v1.5.0', path: 'config/crd/standard' },
  { module: 'github.com/kedacore/keda/v2@v2.21.0', path: 'config/crd/bases' },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    path: 'example/prometheus-operator-crd-full',
  },
  { module: 'istio.io/api@v1.31.1', path: 'kubernetes/customresourcedefinitions.gen.yaml' },
] as const

const cache = fileURLToPath(new URL('../../.cache/kubernetes-schemas', import.meta.url))

export interface SchemaFolders {
  /** Of each minor of Kubernetes, oldest first. */
  readonly kubernetes: readonly { readonly version: string; readonly folder: string }[]
  readonly extensions: string
}

/** Where the schemas are, or null where they have not been made. */
export async function findSchemas(): Promise<SchemaFolders | null> {
  const whole = join(cache, await recipe())
  try {
    await readdir(whole)
  } catch {
    return null
  }
  return {
    kubernetes: kubernetesVersions.map((version) => ({ version, folder: join(whole, version) })),
    extensions: join(whole, 'extensions'),
  }
}

/** Makes them where they are missing. Takes about 100 MB of downloads, and leaves only the schemas. */
export async function makeSchemas(): Promise<void> {
  if ((await findSchemas()) !== null) return
  await mkdir(cache, { recursive: true })
  // Made beside their place and moved there whole: what exists is complete.
  const half = await mkdtemp(join(cache, 'making-'))
  try {
    for (const version of kubernetesVersions) {
      say(`making the schemas of Kubernetes ${version}`)
      const folder = await unpacked(`k8s.io/kubernetes@v${version}`, half)
      const swagger = await readFile(join(folder, 'api/openapi-spec/swagger.json'), 'utf8')
      await write(join(half, version), fromSwagger(swagger))
    }
    for (const { module, path } of extensions) {
      say(`making the schemas of ${module}`)
      const from = join(await unpacked(module, half), path)
      const files = from.endsWith('.yaml')
        ? [from]
        : (await readdir(from)).filter((name) => name.endsWith('.yaml')).map((name) => join(from, name))
      for (const file of files) {
        // The large ones repeat whole pod templates: no need to look for keys that are there twice.
        const documents = parseAllDocuments(await readFile(file, 'utf8'), { uniqueKeys: false })
        await write(
          join(half, 'extensions'),
          fromCrds(documents.map((document) => document.toJS() as unknown)),
        )
      }
    }
    await rm(join(half, 'modules'), { recursive: true, force: true })
    const whole = join(cache, await recipe())
    await rename(half, whole)
    // Of earlier versions.
    for (const name of await readdir(cache)) {
      if (join(cache, name) !== whole && !name.startsWith('making-'))
        await rm(join(cache, name), { recursive: true, force: true })
    }
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}

/** A module's files; unpacked into a cache that goes with the folder, since the whole of Kubernetes is large. */
async function unpacked(module: string, half: string): Promise<string> {
  const env = { GOMODCACHE: join(half, 'modules'), GOFLAGS: '-modcacherw', GO111MODULE: 'on' }
  const answer = await run('go', ['mod', 'download', '-json', module], { cwd: half, env })
  return (JSON.parse(answer) as { Dir: string }).Dir
}

async function write(folder: string, schemas: Schemas): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, schema] of schemas) await writeFile(join(folder, name), JSON.stringify(schema))
}

/** A name for what is made: another where a version or the making is another. */
async function recipe(): Promise<string> {
  const making = await readFile(new URL('./kubernetes-schemas-convert.ts', import.meta.url))
  return createHash('sha256')
    .update(JSON.stringify([kubernetesVersions, extensions]))
    .update(making)
    .digest('hex')
    .slice(0, 16)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await makeSchemas()
