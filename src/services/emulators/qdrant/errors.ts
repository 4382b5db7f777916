/**
 * Errors as Qdrant words them. The message is the whole text of `status.error`; `timed` says whether the
 * answer carries its duration (errors of Qdrant's request extractors answer with a time of 0.0).
 */
export class QdrantError extends Error {
  readonly status: number
  readonly timed: boolean

  constructor(status: number, message: string, timed = true) {
    super(message)
    this.name = 'QdrantError'
    this.status = status
    this.timed = timed
  }

  /** Whether another replica of the same shard may do better. */
  get transient(): boolean {
    return this.status >= 500
  }
}

export const wrongInput = (description: string): QdrantError =>
  new QdrantError(400, `Wrong input: ${description}`)
export const badRequest = (description: string): QdrantError =>
  new QdrantError(400, `Bad request: ${description}`)
export const notFound = (description: string): QdrantError =>
  new QdrantError(404, `Not found: ${description}`)
export const alreadyExists = (description: string): QdrantError =>
  new QdrantError(409, `Wrong input: ${description}`)
export const forbidden = (description: string): QdrantError =>
  new QdrantError(403, `Forbidden: ${description}`)
export const timedOut = (description: string): QdrantError => new QdrantError(408, `Timeout: ${description}`)
export const rateLimited = (description: string): QdrantError =>
  new QdrantError(429, `Rate limiting exceeded: ${description}`)
export const serviceError = (description: string): QdrantError =>
  new QdrantError(500, `Service internal error: ${description}`)
export const standaloneMode = (): QdrantError => new QdrantError(405, 'Qdrant is running in standalone mode')

export const missingCollection = (name: string): QdrantError =>
  notFound(`Collection \`${name}\` doesn't exist!`)
export const wrongDimension = (expected: number, received: number): QdrantError =>
  wrongInput(`Vector dimension error: expected dim: ${expected}, got ${received}`)

/** The body could not be read as what the endpoint takes. */
export const formatError = (description: string): QdrantError =>
  new QdrantError(400, `Format error in JSON body: ${description}`, false)

/** The body could be read, but holds values out of their bounds: `[field, message]` each. */
export const invalidBody = (errors: readonly (readonly [string, string])[]): QdrantError =>
  new QdrantError(
    422,
    `Validation error in JSON body: [${errors.map(([field, message]) => `${field}: ${message}`).join('; ')}]`,
    false,
  )

/** What this emulator does not do and a real Qdrant would: said plainly, never answered with something made up. */
export const notEmulated = (what: string): QdrantError =>
  new QdrantError(501, `Not emulated: ragscale's stand-in for Qdrant has no ${what}`)

/** A node that refuses the connection, in the words of Qdrant's own transport. */
export const unreachable = (uri: string): QdrantError =>
  serviceError(`Tonic status error: ${transportFailure(uri)}`)

/** What Qdrant's transport says of a node that refuses connections; `uri` is the node's. */
export function transportFailure(uri: string): string {
  const { hostname, port } = new URL(uri)
  const connect = `"tcp connect error", ${hostname}:${port}, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }`
  return `code: 'The service is currently unavailable', message: "tcp connect error", source: tonic::transport::Error(Transport, ConnectError(ConnectError(${connect})))`
}
