import { parse } from 'yaml'
import { ExitCode, UserError } from '../errors.ts'
import type { Change } from './save.ts'

/**
 * `tiers.embed.replicas=3` → a change. The value is read as YAML (`3`, `20/s`, `{ ttl: 1h }`); nothing behind
 * the `=` takes the key out. Throws a UserError (exit 2) without a `=`.
 */
export function parseAssignment(text: string): Change {
  const equals = text.indexOf('=')
  if (equals < 1) {
    throw new UserError(`--set ${text}: expected <key>=<value>, such as tiers.embed.replicas=3`, {
      exitCode: ExitCode.usage,
      code: 'usage',
    })
  }
  const written = text.slice(equals + 1)
  return { path: text.slice(0, equals).trim(), value: written.trim() === '' ? undefined : valueOf(written) }
}

function valueOf(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' }) ?? undefined
  } catch {
    // `{{query}}` and the like: text that is not YAML is that text.
    return text
  }
}
