/** Stacks and what is rendered of them, for tests: presets, random ones, and their YAML with its merges done. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { readTemplates } from '../../../src/deployed/templates.ts'
import { render } from '../../../src/render/render.ts'
import type { Rendered } from '../../../src/render/rendered.ts'
import type { RenderTarget } from '../../../src/render/topology.ts'
import { readStack } from '../../../src/stack/load.ts'
import { type Preset, presetText } from '../../../src/stack/presets.ts'
import type { Stack } from '../../../src/stack/stack.ts'

export const templates = await readTemplates()

export async function presetStack(name: Preset): Promise<Stack> {
  return stackFrom(await presetText(name))
}

/** @param text of a `ragscale.yaml` */
export function stackFrom(text: string): Stack {
  const { stack, problems } = readStack(text, '/rag/ragscale.yaml')
  if (stack === null) throw new Error(problems.map(({ message }) => message).join('\n'))
  return stack
}

/** The files of one target as a user gets them, by path below the target's folder. */
export function filesOf(stack: Stack, target: RenderTarget): Rendered {
  const folder = `${target}/`
  return new Map(
    [...render(stack, target, templates)]
      .filter(([path]) => path.startsWith(folder))
      .map(([path, text]) => [path.slice(folder.length), text]),
  )
}

/** A YAML file as the programs see it that read it: anchors and merges resolved. Throws for what is not YAML. */
export function yamlValue(text: string): ComposeFile {
  const document = parseDocument(text, { merge: true, strict: true, uniqueKeys: true })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw problem
  return document.toJS({ maxAliasCount: -1 }) as ComposeFile
}

/** What tests ask of a Compose or stack file. */
export interface ComposeFile {
  readonly name?: string
  readonly services: Readonly<Record<string, ComposeService>>
  readonly networks?: Readonly<Record<string, unknown>>
  readonly volumes?: Readonly<Record<string, { readonly name?: string }>>
  readonly configs?: Readonly<Record<string, { readonly file: string; readonly name?: string }>>
  readonly secrets?: Readonly<Record<string, { readonly file: string; readonly name?: string }>>
}

export interface ComposeService {
  readonly image?: string
  readonly hostname?: string
  readonly restart?: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly ports?: readonly (string | { readonly published: number; readonly target: number })[]
  readonly networks?:
    | readonly string[]
    | Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>
  readonly volumes?: readonly { readonly type: string; readonly source?: string; readonly target: string }[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly labels?: Readonly<Record<string, string>>
  readonly profiles?: readonly string[]
  readonly deploy?: {
    readonly mode?: string
    readonly replicas?: number
    readonly endpoint_mode?: string
    readonly placement?: { readonly constraints?: readonly string[]; readonly max_replicas_per_node?: number }
    readonly update_config?: Readonly<Record<string, unknown>>
    readonly resources?: {
      readonly limits?: { readonly memory?: string }
      readonly reservations?: {
        readonly devices?: readonly { readonly device_ids?: readonly string[]; readonly count?: string }[]
        readonly generic_resources?: readonly {
          readonly discrete_resource_spec: { readonly value: number }
        }[]
      }
    }
  }
}

/** Variables of the reader's environment that a text uses, `$$` being a `$`. */
export function variablesOf(text: string): string[] {
  return [...text.replaceAll('$$', '').matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(
    (found) => found[1] ?? '',
  )
}

/** Writes rendered files, and a value for each secret that they name: what a program needs to read them. */
export async function writeFiles(folder: string, files: Rendered, secrets: readonly string[]): Promise<void> {
  const all = [...files, ...secrets.map((name) => [`secrets/${name}`, 'a-value-for-tests'] as const)]
  for (const [path, text] of all) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
}
