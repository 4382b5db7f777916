/** A folder with a stack for a swarm, a swarm of one node, and what is in it. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { EngineEnv } from '../../engine/engine.ts'
import { type Workplace, workplace } from '../ragscale.ts'

export interface SwarmPlace extends Workplace {
  write(yaml: string): Promise<void>
  docker(...args: string[]): Promise<string>
  initSwarm(): Promise<void>
  /** The engine is as it was before. */
  leaveSwarm(): Promise<void>
  /** Running tasks of the stack, by service, slot and id; those of jobs not among them. */
  tasks(): Promise<string[]>
  /** Kills the container of a task such as `handbook_embed.1`. */
  killOne(task: string): Promise<void>
  /** Services, containers, networks, configs, secrets, volumes and node labels, whoever made them. */
  everything(): Promise<string[]>
  /** Paths of all files below the folder. */
  files(): Promise<string[]>
}

export interface SwarmPlaceOptions {
  /** How long a command may take. */
  readonly withinMs?: number
  /** What begins a command that is to run on another machine (test/engine/nodes.ts). */
  readonly inside?: readonly string[]
}

export async function swarmPlace(
  env: EngineEnv,
  yaml: string,
  { withinMs, inside }: SwarmPlaceOptions = {},
): Promise<SwarmPlace> {
  const place = await workplace(env, withinMs, inside)
  const { folder } = place
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa('docker', args, { env })
    return stdout
  }
  const lines = async (kind: string, ...args: string[]): Promise<string[]> =>
    (await docker(...args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `${kind} ${line}`)
  const write = async (text: string): Promise<void> => await writeFile(join(folder, 'ragscale.yaml'), text)
  await write(yaml)

  return {
    ...place,
    write,
    docker,
    initSwarm: async () => {
      await docker('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:2377')
    },
    leaveSwarm: async () => {
      await docker('swarm', 'leave', '--force').catch(() => '')
      // It is one for the whole machine, and the engine leaves it there.
      for (let attempt = 0; attempt < 20; attempt++) {
        const { exitCode } = await execa('docker', ['network', 'rm', 'docker_gwbridge'], {
          env,
          reject: false,
        })
        if (exitCode === 0) return
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    },
    tasks: async () => {
      const format = '{{.Name}} {{.ID}} {{.CurrentState}}'
      const all = await docker(
        'stack',
        'ps',
        'handbook',
        '--no-trunc',
        '--filter',
        'desired-state=running',
        '--format',
        format,
      ).catch(() => '')
      return all
        .split('\n')
        .filter((line) => / Running /.test(line))
        .map((line) => line.replace(/ Running .*/, ''))
        .sort()
    },
    killOne: async (task) => {
      const [id] = (await docker('ps', '--quiet', '--filter', `name=${task}`)).split('\n')
      await docker('kill', id ?? '')
    },
    everything: async () => {
      const node = await docker('node', 'inspect', 'self', '--format', 'node {{json .Spec.Labels}}')
      const all = await Promise.all([
        lines('service', 'service', 'ls', '--format', '{{.Name}}'),
        lines('container', 'ps', '--all', '--format', '{{.Names}}'),
        lines('network', 'network', 'ls', '--format', '{{.Name}}'),
        lines('config', 'config', 'ls', '--format', '{{.Name}}'),
        lines('secret', 'secret', 'ls', '--format', '{{.Name}}'),
        lines('volume', 'volume', 'ls', '--format', '{{.Name}}'),
      ])
      // The bridge is the swarm's own, and comes a little after it.
      return [node, ...all.flat()].filter((line) => line !== 'network docker_gwbridge').sort()
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
