/** Secrets do not belong in `ragscale.yaml`: it is committed, copied into runs, and shown. They are named, never repeated. */
import type { Finding, Path } from './problems.ts'

const secretKey =
  /^(x[-_])?((access|auth|bearer|api|hub|hf|id|refresh|session)?[-_]?token|([a-z0-9]+[-_])*(api[-_]?key|passw(or)?d|passphrase|secret|(private|secret)[-_]?key)|authorization|credentials?|headers)$/i
/** The same behind a prefix in camel case: `openaiApiKey`, `redisPassword`, `hfToken`. */
const secretKeyCamel =
  /[a-z0-9](ApiKey|(Access|Auth|Bearer|Hub)Token|Password|Passphrase|Secret|(Private|Secret)Key)$|^(hf|huggingface|hub|github|gitlab|slack|openai)Token$/
const secretParameter = /(key|token|secret|password|signature)$/i

/**
 * Secrets that say so themselves, wherever in a value they stand: keys of API providers and of Hugging Face, GitHub,
 * GitLab, Slack, AWS and Google by their prefixes, JSON Web Tokens, PEM private keys, authorization headers.
 */
const secretShapes: readonly RegExp[] = [
  /^(Bearer|Basic)\s+\S{8,}$/,
  /\bBearer\s+[\w.~+/=-]{16,}/,
  /(^|[^A-Za-z0-9_-])(sk|pk|rk|hf|ghp|gho|ghs|ghu|glpat|xox[abprs]|gsk|nvapi|dop_v1)[-_][A-Za-z0-9_-]{16,}/,
  /\bgithub_pat_\w{20,}/,
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  /\bAIza[A-Za-z0-9_-]{30,}/,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\./,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
]

export function secretsIn(value: unknown, path: Path = []): Finding[] {
  if (typeof value === 'string') {
    const message = secretIn(value)
    return message === undefined ? [] : [refused(path, message, 'keep it in an environment variable')]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...path, key]
    if (!namesSecret(key) || isVariables(path)) return secretsIn(inner, here)
    return [refused(here, 'a secret is never written in this file', insteadOf(here))]
  })
}

function insteadOf(path: Path): string {
  const provided = path[0] === 'tiers' && (path[1] === 'embed' || path[1] === 'generate')
  if (path[0] !== 'endpoints' && !provided) return 'keep it in an environment variable'
  if (provided) return 'write apiKeyEnv: <VARIABLE>, the name of an environment variable'
  const key =
    path.at(-1)?.toLowerCase() === 'headers'
      ? 'headersEnv: { <header>: <VARIABLE> }'
      : 'apiKeyEnv: <VARIABLE>'
  return `write ${key}, the name of an environment variable`
}

function namesSecret(key: string): boolean {
  return secretKey.test(key) || secretKeyCamel.test(key)
}

/** Below `headersEnv` a key is a header’s name, such as Authorization, and its value a variable’s. */
function isVariables(path: Path): boolean {
  return path.at(-1) === 'headersEnv'
}

function secretIn(text: string): string | undefined {
  if (secretShapes.some((shape) => shape.test(text)))
    return 'this looks like a secret, which is never written in this file'
  const start = text.search(/[a-z][a-z0-9+.-]*:\/\//i)
  if (start === -1) return undefined
  const url = URL.parse(text.slice(start).split(/[\s"'<>]/)[0] ?? '')
  if (url === null) return text.includes('@') ? 'a URL with a user name or password in it' : undefined
  if (url.username !== '' || url.password !== '') return 'a URL with a user name or password in it'
  const parameter = [...url.searchParams.keys()].find((name) => secretParameter.test(name))
  return parameter === undefined ? undefined : `a URL with a secret in its parameter ${parameter}`
}

function refused(path: Path, message: string, hint: string): Finding {
  return { severity: 'error', path, message, hint }
}
