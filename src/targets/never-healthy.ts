import { ExitCode, UserError } from '../errors.ts'
import type { ReplicaState } from './target.ts'

/** The error of a replica that was waited for in vain: which, why, its last lines and the next command. */
export function neverHealthy(replica: ReplicaState, what: string): UserError {
  const because = replica.because === null ? '' : `: ${replica.because}`
  const lines = replica.lastLines.map((line) => `\n    | ${line}`).join('')
  const log = lines === '' ? ' (it wrote nothing)' : `\n  its last lines:${lines}`
  return new UserError(`${replica.name} ${what}${because}${log}`, {
    hint: `ragscale logs ${replica.tier}, then ragscale up to go on or ragscale down to stop what runs`,
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}
