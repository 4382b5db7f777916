/**
 * From what Kubernetes and its extensions publish of their APIs to JSON Schemas that kubeconform reads: one file a
 * kind, named `<kind>-<group's first word>-<version>.json`, strict (a key that the API does not know is an error).
 */

/** A JSON Schema or a part of one. */
type Schema = Record<string, unknown>

/** File name → schema. */
export type Schemas = ReadonlyMap<string, Schema>

const definitionsFile = '_definitions.json'

interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** Of Kubernetes itself, from the text of `api/openapi-spec/swagger.json`. Definitions are shared in one file. */
export function fromSwagger(text: string): Schemas {
  const { definitions } = JSON.parse(text) as { definitions: Record<string, Schema> }
  const strict = Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, widened(name, strictly(definition))]),
  )
  const files = new Map<string, Schema>([[definitionsFile, { definitions: strict }]])
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = (definition['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[]
    // Those with several are what every group shares (DeleteOptions, Status), and are never applied.
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1) continue
    files.set(fileOf(kind), { $ref: `${definitionsFile}#/definitions/${name}` })
  }
  return files
}

/** Of an extension, from the custom resource definitions that a YAML file holds (parsed, one a document). */
export function fromCrds(documents: readonly unknown[]): Schemas {
  const files = new Map<string, Schema>()
  for (const document of documents) {
    const crd = document as CustomResourceDefinition | null
    if (crd?.kind !== 'CustomResourceDefinition') continue
    const { group, names, versions } = crd.spec
    for (const { name: version, schema } of versions) {
      files.set(fileOf({ group, version, kind: names.kind }), asResource(strictly(schema.openAPIV3Schema)))
    }
  }
  return files
}

/** What the API server adds to every custom resource, and some definitions therefore leave out. */
function asResource(schema: Schema): Schema {
  const added = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } }
  return { ...schema, properties: { ...added, ...(schema['properties'] as Schema | undefined) } }
}

interface CustomResourceDefinition {
  readonly kind: string
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Schema }
    }[]
  }
}

/** As kubeconform asks for it: `{{ .ResourceKind }}{{ .KindSuffix }}.json`. */
function fileOf({ group, version, kind }: GroupVersionKind): string {
  const word = group.split('.')[0] ?? ''
  return `${[kind.toLowerCase(), ...(word === '' ? [] : [word]), version].join('-')}.json`
}

/** Types that are written in more ways than the published schema says. */
function widened(name: string, schema: Schema): Schema {
  if (name.endsWith('.IntOrString')) return { anyOf: [{ type: 'string' }, { type: 'integer' }] }
  if (name.endsWith('.resource.Quantity')) return { anyOf: [{ type: 'string' }, { type: 'number' }] }
  return schema
}

/** The same schema, but with no keys beside those that it names. */
function strictly(schema: Schema): Schema {
  const strict: Schema = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref') strict[key] = String(value).replace(/^#/, `${definitionsFile}#`)
    // Names of properties are no keywords of the schema: one of Kubernetes' own is called `$ref`.
    else if (key === 'properties') strict[key] = eachOf(value as Record<string, Schema>)
    else if (key === 'additionalProperties' || key === 'items')
      strict[key] = isSchema(value) ? strictly(value) : value
    else if (key === 'allOf' || key === 'anyOf' || key === 'oneOf') {
      // Restrictions on what is named elsewhere: closing these would forbid what their parent names.
      strict[key] = value
    } else if (!key.startsWith('x-kubernetes-') && key !== 'description' && key !== 'format')
      strict[key] = value
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    delete strict['type']
    return { ...strict, anyOf: [{ type: 'string' }, { type: 'integer' }] }
  }
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in schema
  if (isSchema(schema['properties']) && !open) {
    strict['additionalProperties'] = false
    if (schema['x-kubernetes-embedded-resource'] === true) strict['additionalProperties'] = true
  }
  if (schema['nullable'] === true && typeof strict['type'] === 'string')
    strict['type'] = [strict['type'], 'null']
  return strict
}

function eachOf(properties: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, strictly(schema)]))
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
