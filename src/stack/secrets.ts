/** Secrets do not belong in `ragscale.yaml`: it is committed, copied into runs, and shown. They are named, never repeated. */
import type { Finding, Path } from './problems.ts'

const secretKey =
  /^(x[-_])?(api[-_]?key|(access|auth|bearer)?[-_]?token|password|passwd|secret|authorization|credentials?|headers)$/i
const secretParameter = /(key|token|secret|password|signature)$/i
const secretValue = /^(Bearer\s+\S{8,}|(sk|pk|rk|hf|ghp|glpat|xox[abp])[-_][A-Za-z0-9_-]{16,})$/

export function secretsIn(value: unknown, path: Path = []): Finding[] {
  if (typeof value === 'string') {
    const message = secretIn(value)
    return message === undefined ? [] : [refused(path, message, 'keep it in an environment variable')]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...path, key]
    if (!secretKey.test(key) || isVariables(path)) return secretsIn(inner, here)
    return [refused(here, 'a secret is never written in this file', insteadOf(here))]
  })
}

function insteadOf(path: Path): string {
  if (path[0] !== 'endpoints') return 'keep it in an environment variable'
  const key =
    path.at(-1)?.toLowerCase() === 'headers'
      ? 'headersEnv: { <header>: <VARIABLE> }'
      : 'apiKeyEnv: <VARIABLE>'
  return `write ${key}, the name of an environment variable`
}

/** Below `headersEnv` a key is a header’s name, such as Authorization, and its value a variable’s. */
function isVariables(path: Path): boolean {
  return path.at(-1) === 'headersEnv'
}

function secretIn(text: string): string | undefined {
  if (secretValue.test(text)) return 'this looks like a secret, which is never written in this file'
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return undefined
  const url = URL.parse(text)
  if (url === null) return text.includes('@') ? 'a URL with a user name or password in it' : undefined
  if (url.username !== '' || url.password !== '') return 'a URL with a user name or password in it'
  const parameter = [...url.searchParams.keys()].find((name) => secretParameter.test(name))
  return parameter === undefined ? undefined : `a URL with a secret in its parameter ${parameter}`
}

function refused(path: Path, message: string, hint: string): Finding {
  return { severity: 'error', path, message, hint }
}
