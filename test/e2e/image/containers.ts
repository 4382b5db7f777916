/** Containers of one test, all in one network of their own that leads nowhere. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { EngineEnv } from '../../engine/engine.ts'

export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export class Containers {
  readonly #image: string
  readonly #env: EngineEnv
  readonly #folder: string
  readonly #ids: string[] = []
  readonly #volumes: string[] = []
  #network = 'none'

  private constructor(image: string, env: EngineEnv, folder: string) {
    this.#image = image
    this.#env = env
    this.#folder = folder
  }

  static async open(image: string, env: EngineEnv): Promise<Containers> {
    const folder = await mkdtemp(join(tmpdir(), 'ragscale-containers-'))
    // Read by the user of the image, who is not whoever runs the tests.
    await chmod(folder, 0o755)
    const containers = new Containers(image, env, folder)
    const first = await containers.#create(['--network', 'none', '--entrypoint', 'sleep'], ['3600'])
    containers.#network = `container:${first}`
    return containers
  }

  /** A service as a stack runs it: read-only, its configuration and a secret as files. */
  async start(service: string, config: unknown, flags: readonly string[] = []): Promise<string> {
    return await this.#create([...(await this.#flags(config)), ...flags], [service])
  }

  /** A job, until it ends. */
  async run(service: string, config: unknown): Promise<Ended> {
    const flags = await this.#flags(config)
    const { exitCode, stdout, stderr } = await execa(
      'docker',
      ['run', '--rm', ...flags, this.#image, service],
      { env: this.#env, reject: false },
    )
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }

  async volume(): Promise<string> {
    const { stdout } = await execa('docker', ['volume', 'create'], { env: this.#env })
    this.#volumes.push(stdout)
    return stdout
  }

  /** Runs JavaScript where all of them are found on loopback; what it writes is its result. */
  async script(source: string): Promise<string> {
    const [first = ''] = this.#ids
    const { stdout } = await execa('docker', ['exec', '-i', first, 'node', '--input-type=module', '-'], {
      env: this.#env,
      input: source,
    })
    return stdout
  }

  async exec(id: string, ...command: string[]): Promise<string> {
    const { stdout } = await execa('docker', ['exec', id, ...command], { env: this.#env })
    return stdout
  }

  /** As an operator would; returns how the process ended. */
  async stop(id: string, seconds: number): Promise<number> {
    await execa('docker', ['stop', '--time', String(seconds), id], { env: this.#env })
    const { stdout } = await execa('docker', ['inspect', '--format', '{{.State.ExitCode}}', id], {
      env: this.#env,
    })
    return Number(stdout)
  }

  async logs(id: string): Promise<string> {
    const { stdout, stderr } = await execa('docker', ['logs', id], { env: this.#env })
    return `${stdout}\n${stderr}`
  }

  async close(): Promise<void> {
    if (this.#ids.length > 0)
      await execa('docker', ['rm', '--force', ...this.#ids], { env: this.#env, reject: false })
    if (this.#volumes.length > 0)
      await execa('docker', ['volume', 'rm', ...this.#volumes], { env: this.#env, reject: false })
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #flags(config: unknown): Promise<string[]> {
    const path = join(this.#folder, `${this.#ids.length}-${Date.now()}.json`)
    await writeFile(path, JSON.stringify(config))
    const secret = join(this.#folder, 'secret')
    await writeFile(secret, 'a secret\n')
    const hardened = '--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges'
    const mounted = `--volume ${path}:/etc/ragscale/config.json:ro --volume ${secret}:/run/secrets/key:ro`
    const told = '--env RAGSCALE_CONFIG=/etc/ragscale/config.json --env QDRANT_API_KEY_FILE=/run/secrets/key'
    return `--network ${this.#network} ${hardened} ${mounted} ${told}`.split(' ')
  }

  async #create(flags: readonly string[], args: readonly string[]): Promise<string> {
    const { stdout } = await execa('docker', ['run', '--detach', ...flags, this.#image, ...args], {
      env: this.#env,
    })
    this.#ids.push(stdout)
    return stdout
  }
}
