/** What Compose and Swarm write alike of a container: start, environment, health, mounts, resources, secrets. */
import type { Container, Health } from '../../catalog/container.ts'
import { secretPath } from '../../catalog/secrets.ts'
import { startCommand } from '../secret-files.ts'
import { type Tree, type TreeMap, said } from './document.ts'
import { cpuText, durationText, memoryText } from './quantities.ts'
import type { Service } from './services.ts'

/** A `$` of a value as these files want it: one alone is a variable of whoever reads the file. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}

type Start = NonNullable<ReturnType<typeof startCommand>>

/**
 * `entrypoint` and `command` in place of the image's; nothing where the image's own are right.
 * @param before what is to be done first; of a container that says its command
 */
export function startFields(container: Container, before = (start: Start): Start => start): TreeMap {
  const start = startCommand(container)
  const { args = [] } = container
  if (start === null) return args.length === 0 ? {} : { command: args.map(literal) }
  const { entrypoint, command } = before(start)
  // An empty command also takes the place of the image's.
  return { entrypoint: entrypoint.map(literal), command: command.map(literal) }
}

/** Variables as the catalogue gives them, and where the secrets' files are. */
export function environmentOf({ env, secrets }: Container): TreeMap {
  const files = secrets.flatMap(({ name, fileEnv }) =>
    fileEnv === undefined ? [] : [[fileEnv, secretPath(name)] as const],
  )
  return Object.fromEntries([...Object.entries(env), ...files].map(([name, value]) => [name, literal(value)]))
}

/** @see https://docs.docker.com/reference/compose-file/services/#healthcheck */
export function healthcheckOf(health: Health | null): Tree | undefined {
  if (health === null || health.command.length === 0) return undefined
  return {
    test: ['CMD', ...health.command.map(literal)],
    interval: durationText(health.intervalSeconds),
    timeout: durationText(health.timeoutSeconds),
    retries: health.failures,
    start_period: durationText(health.startupSeconds),
    // While it starts it is asked more often, so that what waits for it begins at once.
    start_interval: durationText(Math.min(2, health.intervalSeconds)),
  }
}

/**
 * `deploy.resources`, with what a target adds to the reservation (GPUs in its own terms). Of replicas that are services
 * of their own the first says why.
 */
export function resourcesOf(
  { workload, number }: Pick<Service, 'workload' | 'number'>,
  reserved: TreeMap = {},
): Tree {
  const { request, limit, because } = workload.container.resources
  return said(number === null || number === 1 ? because : '', {
    limits: {
      cpus: limit.cpus === null ? undefined : cpuText(limit.cpus),
      memory: memoryText(limit.memoryBytes),
    },
    reservations: { cpus: cpuText(request.cpus), memory: memoryText(request.memoryBytes), ...reserved },
  })
}

export function secretsOf({ secrets }: Container): string[] | undefined {
  return secrets.length === 0 ? undefined : secrets.map(({ name }) => name)
}

/**
 * What a container may do beyond nothing at all. An image that starts as root hands its files to a user of its own and
 * becomes that user; without these it could not. Ports below 1024 are root's.
 */
export function capabilitiesOf({ root, host }: Container): string[] | undefined {
  if (!root) return undefined
  const usual = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID']
  return [...usual, ...(host?.capabilities ?? [])].sort()
}

/** By which a stack's containers and volumes are found, whoever started them. */
export function labelsOf({ workload, number }: Service, stackName: string): TreeMap {
  return {
    'com.ragscale.stack': stackName,
    'com.ragscale.tier': workload.tier,
    'com.ragscale.workload': workload.name,
    ...(number === null ? {} : { 'com.ragscale.replica': String(number) }),
  }
}
