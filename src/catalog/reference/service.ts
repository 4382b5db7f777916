/** A container that runs one of our own services out of our own image. */
import type { ResourceOverride } from '../../stack/stack.ts'
import type { ConfigFile, Container, Health, Image, Mount, SecretUse } from '../container.ts'
import { type Reservation, resources } from '../resources.ts'

/** This package's; a test holds it to package.json, which a pure module cannot read. */
export const version = '0.1.0'

export function ownImage(override?: string): Image {
  if (override !== undefined) return { reference: override, because: 'as ragscale.yaml says' }
  const because = 'ragscale’s own services, of the version that rendered this'
  return { reference: `ragscale:${version}`, because, build: 'ragscale' }
}

export interface OwnService {
  /** As `ragscale-serve` names it. */
  readonly service: string
  /** What it is told; JSON. */
  readonly config: unknown
  readonly image?: string | undefined
  readonly env?: Readonly<Record<string, string>>
  readonly tracesEnv?: string
  readonly secrets?: readonly SecretUse[]
  readonly ports?: Readonly<Record<string, number>>
  readonly mounts?: readonly Mount[]
  /** Null: a job that runs to its end. */
  readonly health: Health | null
  readonly reservation: Reservation
  readonly override?: ResourceOverride | undefined
  /** From the signal until what is in flight is cut off; the service is told so as well. */
  readonly graceSeconds: number
}

export const configPath = '/etc/ragscale/config.json'

export function ownService(own: OwnService): Container {
  const file: ConfigFile = { path: configPath, text: `${JSON.stringify(own.config, null, 2)}\n` }
  return {
    image: ownImage(own.image),
    // The entrypoint is `ragscale-serve`.
    args: [own.service],
    env: { RAGSCALE_CONFIG: configPath, ...own.env },
    ...(own.tracesEnv === undefined ? {} : { tracesEnv: own.tracesEnv }),
    secrets: own.secrets ?? [],
    ports: own.ports ?? {},
    mounts: own.mounts ?? [],
    files: [file],
    health: own.health,
    resources: resources(own.reservation, own.override),
    gpus: 0,
    sharedMemoryBytes: null,
    // Five seconds more than the service takes by itself, so that it is never killed while it drains.
    stop: { graceSeconds: own.graceSeconds + 5, preStopSeconds: own.health === null ? 0 : preStopSeconds },
    root: false,
    // `node` in the image.
    user: '1000:1000',
    readOnly: true,
  }
}

/** Endpoints and balancers take some seconds to learn that a replica is going (facts: preStop 15 s). */
const preStopSeconds = 15

/** How the image, which has Node and no curl, asks itself over HTTP. */
export function askByNode(port: number, path: string): string[] {
  const ask = `fetch('http://127.0.0.1:${port}${path}').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`
  return ['node', '-e', ask]
}

export function ownHealth(port: number, ready: string, live: string | null, startupSeconds = 60): Health {
  return {
    http: { path: ready, port },
    command: askByNode(port, ready),
    livePath: live,
    startupSeconds,
    // A replica that is busy must not be taken for a dead one.
    intervalSeconds: 5,
    timeoutSeconds: 5,
    failures: 3,
  }
}
