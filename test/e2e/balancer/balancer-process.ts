/** A real balancer with the configuration that is rendered for Compose, on loopback and with a test's DNS server. */
import { type ChildProcess, execFile as execFileWith, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Balancing, statusPort as usualStatusPort } from '../../../src/catalog/balancing.ts'
import type { Component } from '../../../src/catalog/component.ts'
import { type BalancedTier, balancedTiers } from '../../../src/catalog/container.ts'
import { balancingOf } from '../../../src/render/balancer/balancer.ts'
import { readStack } from '../../../src/stack/load.ts'
import { presetText } from '../../../src/stack/presets.ts'
import type { Stack } from '../../../src/stack/stack.ts'
import { type Software, softwareOf } from './software.ts'

const execFile = promisify(execFileWith)

export interface BalancerProcess {
  readonly statusUrl: string
  readonly healthCommand: readonly string[]
  /** What it has written to its standard output. */
  output(): string
  /** Gives it another share, as a rollout does: the file in place, and the signal. */
  shift(canary: Canary): Promise<void>
  /** Asks it to stop as its container is asked. */
  stop(): void
  /** How it ended, when it has. */
  readonly ended: Promise<number | null>
  close(): Promise<void>
}

/** Ports that were free when they were chosen, others on the machine may have taken since: then with others. */
export async function startBalancer(...options: Parameters<typeof startOnce>): Promise<BalancerProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(...options)
    } catch (error) {
      if (attempt === 3 || !/address (already )?in use/i.test(String(error))) throw error
    }
  }
}

async function startOnce(
  software: Software,
  program: string,
  dnsPort: number,
  places: Places,
  canary?: Canary,
): Promise<BalancerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-balancer-'))
  const stack = await largestPreset()
  const { component, write, command, stopSignal, prepareReload, masterSocket } = softwareOf[software]
  const statusPort = await freePort()
  const adminPort = await freePort()
  // Envoy tells YAML by the name.
  const config = join(folder, 'config.yaml')
  const configured = async (share?: Canary): Promise<void> => {
    const balancing = adapted(stack, dnsPort, places, share)
    await writeFile(config, write(balancing, { statusPort, adminPort, dnsPort, folder }))
  }
  await configured(canary)
  const [file = '', ...args] = command({ program, config, folder, adminPort })
  // Files, as nginx opens /dev/stdout, which is not possible where that is a socket.
  const [stdout, stderr] = [join(folder, 'stdout'), join(folder, 'stderr')]
  const written = await Promise.all([openFile(stdout, 'w'), openFile(stderr, 'w')])
  // A group of its own: what it starts itself is ended with it.
  const child = spawn(file, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', written[0].fd, written[1].fd],
  })
  await Promise.all(written.map((handle) => handle.close()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const statusUrl = `http://127.0.0.1:${statusPort}`
  try {
    await answering(`${statusUrl}/healthz`, child, () => readFileSync(stderr, 'utf8'))
    if (masterSocket !== null) await answersShowProc(join(folder, masterSocket))
  } catch (error) {
    endGroup(child)
    throw error
  }
  return {
    statusUrl,
    healthCommand: healthCommandOf(component, stack, statusPort),
    output: () => readFileSync(stdout, 'utf8'),
    shift: async (share) => {
      await configured(share)
      if (component.reload === undefined)
        throw new Error(`${software} takes up no configuration while it runs`)
      const [prepare = null, ...words] = prepareReload?.({ adminPort, folder }) ?? []
      if (prepare !== null) await execFile(prepare, words)
      child.kill(component.reload.signal)
    },
    stop: () => void child.kill(stopSignal),
    ended,
    close: async () => {
      endGroup(child)
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

/** Where each tier is asked for, and on which port its replicas are, at whatever addresses DNS gives. */
export type Places = Readonly<Record<BalancedTier, { readonly listen: number; readonly replicas: number }>>

export async function choosePlaces(): Promise<Places> {
  const chosen = balancedTiers.map(async (tier) => [
    tier,
    { listen: await freePort(), replicas: await freePort() },
  ])
  return Object.fromEntries(await Promise.all(chosen)) as Places
}

/** Of a tier, found by DNS as `<tier>-next`: its share of 100 requests. */
export interface Canary {
  readonly tier: BalancedTier
  readonly share: number
}

async function largestPreset(): Promise<Stack> {
  const { stack } = readStack(await presetText('production'), '/rag/ragscale.yaml')
  if (stack === null) throw new Error('the preset production is not valid')
  return stack
}

/** What is rendered of a stack, but for ports and the DNS server. */
function adapted(stack: Stack, dnsPort: number, places: Places, canary?: Canary): Balancing {
  const { upstreams } = balancingOf(stack, 'compose')
  return {
    resolver: `127.0.0.1:${dnsPort}`,
    upstreams: upstreams.map((upstream) => {
      const { listen, replicas } = places[upstream.tier]
      const pool = { ...upstream.pools[0], port: replicas }
      if (canary?.tier !== upstream.tier) return { ...upstream, listen, pools: [pool] }
      const name = `${pool.name}-next`
      const pools = [
        { ...pool, share: 100 - canary.share },
        { ...pool, name, host: name, share: canary.share },
      ] as const
      return { ...upstream, listen, pools }
    }),
  }
}

/** What its container's health check runs. */
function healthCommandOf({ deploy }: Component, stack: Stack, port: number): readonly string[] {
  const addresses = { url: () => '', host: () => '', peer: () => '' }
  const { health } = deploy?.({ stack, tier: 'balancer', target: 'compose', addresses }) ?? {}
  return (health?.command ?? []).map((part) => part.replaceAll(String(usualStatusPort), String(port)))
}

async function answering(url: string, child: ChildProcess, complaints: () => string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null)
      throw new Error(`the balancer ended with ${child.exitCode}:\n${complaints()}`)
    try {
      if ((await fetch(url)).ok) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the balancer does not answer at ${url}:\n${complaints()}`)
}

async function answersShowProc(socket: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const connection = connect(socket).setTimeout(1_000, () => connection.destroy(new Error('no answer')))
    connection.write('show proc\n')
    try {
      await once(connection, 'data')
      return
    } catch {
      // It does not listen yet, or has begun itself anew since.
    } finally {
      connection.destroy()
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nobody answers at ${socket}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
