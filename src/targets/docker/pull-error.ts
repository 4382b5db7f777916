/** What a registry or the engine says of an image that could not be pulled, and what to do about it. Pure. */
import { ExitCode, UserError } from '../../errors.ts'
import { statusOf } from './containers.ts'
import { registryOf } from './credentials.ts'
import { engineSays } from './engine.ts'

const full = /no space left on device/i
const denied = /denied|unauthorized|authentication required|no basic auth credentials/i
const missing = /not found|manifest unknown|does not exist/i
/** What a network or a registry that is being restarted says; and one that wants to be asked less often. */
const passing =
  /connection re(?:fused|set)|\bEOF\b|time-?out|timed out|no route to host|network is unreachable|temporary failure|broken pipe|toomanyrequests|too many requests|http status:? (?:429|5\d\d)|\b50[234] /i

/** Whether the same question may be answered otherwise in a moment. */
export function isPassing(says: string): boolean {
  return passing.test(says) && ![full, denied, missing].some((pattern) => pattern.test(says))
}

/** @param known whether the docker command had credentials for that registry, with which it was asked */
export function pullError(image: string, error: unknown, known: boolean): UserError {
  const says = engineSays(error)
  if (full.test(says)) {
    return new UserError(`the disk of the Docker engine is full: ${image} does not fit`, {
      hint: 'docker system df   shows what takes the room; docker image prune frees some; then ragscale up goes on',
      code: 'disk',
      cause: error,
    })
  }
  const options = { exitCode: ExitCode.missing, code: 'image', cause: error }
  if (denied.test(says)) {
    const host = registryOf(image)
    const login = host.startsWith('https://') ? 'docker login' : `docker login ${host}`
    const what = known ? 'does not take what docker login left for it' : 'wants a login'
    return new UserError(`${image} could not be pulled: its registry ${what} (${says})`, {
      ...options,
      hint: `${login}   then ragscale up goes on. Some registries say the same of an image that is not there.`,
    })
  }
  const isMissing = statusOf(error) === 404 || missing.test(says)
  return new UserError(`${image} could not be pulled: ${says}`, {
    ...options,
    hint: isMissing
      ? 'Is the name right? tiers.<tier>.image in ragscale.yaml names another image.'
      : 'Is the registry reachable from the engine? docker pull asks it by hand; then ragscale up goes on.',
  })
}
