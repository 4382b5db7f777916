import type { IncomingHttpHeaders } from 'node:http'

/** Headers between two neighbours only (RFC 9110, 7.6.1), and `expect`, which Node's server has answered itself. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The headers of a message as it came (name, value, name, value …) without those meant for this hop alone. */
export function endToEnd(raw: readonly string[], connection: string | undefined): string[] {
  const named = namedBy(connection)
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string
    const lower = name.toLowerCase()
    if (!hopByHop.has(lower) && !named?.has(lower)) kept.push(name, raw[index + 1] as string)
  }
  return kept
}

/** The same of parsed headers. */
export function endToEndOf(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = namedBy(headers.connection)
  const kept: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !hopByHop.has(name) && !named?.has(name)) kept[name] = value
  }
  return kept
}

/** `Connection: close, x-internal` makes `x-internal` a header of this hop too. */
function namedBy(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || /^\s*(keep-alive|close)\s*$/i.test(connection)) return undefined
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}
