/** What Docker Compose says when it fails, in words with a cure. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Places } from './places.ts'
import type { WantedService } from './wanted.ts'

const taken =
  /(?:Bind for|listen tcp[46]?) ([\d.:[\]a-f]+)[^\n]*(?:already allocated|address already in use)/i

/** Null where it says something else. */
export function portTaken(says: string, { compose }: Pick<Places, 'compose'>): UserError | null {
  const port = taken.exec(says)
  if (port === null) return null
  const address = (port[1] ?? '').replace(/:$/, '')
  return new UserError(`the port ${address} is taken by somebody else on this machine`, {
    hint: `Name another in ${compose}/.env (.env.example lists the variables), or stop what listens there: ss -ltnp`,
    exitCode: ExitCode.unhealthy,
    code: 'port-taken',
  })
}

export function composeFailure(
  stderr: string,
  services: readonly WantedService[],
  places: Pick<Places, 'compose'>,
): UserError {
  const port = portTaken(stderr, places)
  if (port !== null) return port
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const last =
    lines.findLast((line) => /error|failed|cannot|no space/i.test(line)) ?? lines.at(-1) ?? 'it said nothing'
  if (/no space left on device/i.test(stderr)) {
    return new UserError('the disk of the Docker engine is full', {
      hint: 'docker system df   shows what takes the room; docker image prune frees some; then ragscale up goes on',
      code: 'disk',
    })
  }
  return new UserError(
    `docker compose could not start ${services.map(({ name }) => name).join(', ')}: ${last}`,
    {
      hint: 'ragscale status shows what runs; ragscale up tries again',
      exitCode: ExitCode.unhealthy,
      code: 'compose',
    },
  )
}
