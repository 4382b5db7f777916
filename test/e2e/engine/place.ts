/** A folder with a stack for a real engine, and what is in that engine before and after. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { EngineEnv } from '../../engine/engine.ts'
import { freePort } from '../containers/free-port.ts'
import { workplace } from '../ragscale.ts'
import type { Workplace } from '../ragscale.ts'

/** One container, as the engine says it. */
export interface Seen {
  readonly name: string
  readonly id: string
  readonly tier: string
  readonly running: boolean
  readonly startedAt: string
}

export interface EnginePlace extends Workplace {
  /** Of the balancer, by tier; the front door is the gateway's. */
  readonly urls: Readonly<Record<'gateway' | 'embed' | 'vector' | 'generate' | 'worker', string>>
  write(yaml: string): Promise<void>
  /** What a user adds to services, in the file that is theirs. */
  override(services: object): Promise<void>
  /** Removes a file of the folder, where there is one. */
  remove(path: string): Promise<void>
  docker(...args: string[]): Promise<string>
  /** What carries the stack's labels, by name. */
  containers(): Promise<Seen[]>
  /** Every container, network and volume of the engine, whoever made it: `volume cache-data`. */
  everything(): Promise<string[]>
  /** Paths of all files below the folder. */
  files(): Promise<string[]>
}

const ports = {
  gateway: 'RAGSCALE_FRONT_DOOR',
  embed: 'RAGSCALE_EMBED_PORT',
  vector: 'RAGSCALE_VECTOR_PORT',
  generate: 'RAGSCALE_GENERATE_PORT',
  worker: 'RAGSCALE_WORKER_PORT',
} as const

/** Ports of its own, since several stacks may run on the machine: in the file in which a user says them. */
export async function enginePlace(env: EngineEnv, yaml: string, withinMs?: number): Promise<EnginePlace> {
  const place = await workplace(env, withinMs)
  const { folder } = place
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa('docker', args, { env })
    return stdout
  }
  const write = async (text: string): Promise<void> => await writeFile(join(folder, 'ragscale.yaml'), text)
  await write(yaml)

  const lines: string[] = []
  const urls: Record<string, string> = {}
  for (const [tier, variable] of Object.entries(ports)) {
    const port = await freePort()
    lines.push(`${variable}=${tier === 'gateway' ? '127.0.0.1:' : ''}${port}`)
    urls[tier] = `http://127.0.0.1:${port}`
  }
  await mkdir(join(folder, 'deploy', 'compose'), { recursive: true })
  await writeFile(join(folder, 'deploy', 'compose', '.env'), `${lines.join('\n')}\n`)

  return {
    ...place,
    urls: urls as EnginePlace['urls'],
    write,
    override: async (services) =>
      await writeFile(
        join(folder, 'deploy', 'compose', 'compose.override.yaml'),
        JSON.stringify({ services }),
      ),
    remove: async (path) => await rm(join(folder, path), { force: true }),
    docker,
    containers: async () => {
      const ids = await docker('ps', '--all', '--quiet', '--filter', 'label=com.ragscale.stack')
      if (ids === '') return []
      return (JSON.parse(await docker('inspect', ...ids.split('\n'))) as Inspected[])
        .map(seen)
        .sort((a, b) => a.name.localeCompare(b.name))
    },
    everything: async () => {
      const containers = await docker('ps', '--all', '--format', 'container {{.Names}}')
      const networks = await docker('network', 'ls', '--format', 'network {{.Name}}')
      const volumes = await docker('volume', 'ls', '--format', 'volume {{.Name}}')
      return [containers, networks, volumes]
        .flatMap((text) => text.split('\n'))
        .filter((line) => line !== '')
        .sort()
    },
    files: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
        .sort()
    },
  }
}

interface Inspected {
  readonly Id: string
  readonly Name: string
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
  readonly State: { readonly Running: boolean; readonly StartedAt: string }
}

function seen({ Id, Name, Config, State }: Inspected): Seen {
  return {
    name: Name.slice(1),
    id: Id,
    tier: Config.Labels['com.ragscale.tier'] ?? '',
    running: State.Running,
    startedAt: State.StartedAt,
  }
}
