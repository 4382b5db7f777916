/** One of our services as it runs on a plain host: its container's facts, with what only the host knows left to it. */
import { type SecretUse, balancerPorts } from '../../catalog/container.ts'
import type { Workload } from '../topology.ts'

export interface HostService {
  /** `gateway`: of its unit, its configuration and its instances. */
  readonly name: string
  /** What `ragscale-serve` is asked for. */
  readonly service: string
  /** JSON, with `${PORT}` and whatever else the environment has to give. */
  readonly config: string
  /** What the environment has to give, and an example of it. */
  readonly variables: Readonly<Record<string, string>>
  readonly secrets: readonly SecretUse[]
  /** An instance is named by its port. */
  readonly ports: readonly number[]
  readonly workload: Workload
}

/** Replicas on one host listen from these ports on. */
const firstPorts: Readonly<Record<string, number>> = { gateway: 8080, worker: 8180 }

/** Throws an Error for a workload that is not one of our services. */
export function hostService(workload: Workload): HostService {
  const { name, container, count } = workload
  const [service] = container.args ?? []
  const [file] = container.files
  const first = firstPorts[name]
  if (
    workload.component !== 'reference' ||
    service === undefined ||
    file === undefined ||
    first === undefined
  ) {
    throw new Error(`${name} is no service of ragscale's own`)
  }
  const given: unknown = JSON.parse(file.text)
  const config = { ...(given as object), host: `\${HOST}`, port: `\${PORT}` }
  const { RAGSCALE_CONFIG: _inContainer, ...env } = container.env
  return {
    name,
    service,
    config: `${JSON.stringify(config, null, 2)}\n`,
    variables: { ...urlsIn(file.text), ...env },
    // Nothing runs without these; a token for gated models is for the servers that fetch them.
    secrets: container.secrets.filter(({ optional = false }) => !optional),
    ports: Array.from({ length: count }, (_, index) => first + index),
    workload,
  }
}

/** `${RAGSCALE_EMBED_URL}` → where the tier of that name might be. */
function urlsIn(text: string): Record<string, string> {
  const names = [...text.matchAll(/\$\{(RAGSCALE_([A-Z]+)_URL)\}/g)]
  return Object.fromEntries(
    names.map(([, variable = '', tier = '']) => [
      variable,
      `http://${tier.toLowerCase()}.internal:${portOf(tier)}`,
    ]),
  )
}

function portOf(tier: string): number {
  const ports: Readonly<Record<string, number>> = balancerPorts
  return ports[tier.toLowerCase()] ?? 80
}
