/** Ports of a Service, held open on this machine for as long as somebody calls through them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { Place } from './place.ts'
import type { Programs } from './programs.ts'
import { kubectlAt } from './release.ts'

export interface Forwarded {
  /** Port of the Service → the one on 127.0.0.1. */
  readonly ports: ReadonlyMap<number, number>
  close(): Promise<void>
}

const openMs = 30_000
/** kubectl ends when the pod behind it goes; another one is there soon. */
const againMs = 500

/** Runs kubectl until that ends, or until nobody holds standard input open any more. */
const tied = `
exec 3<&0
kubectl "$@" 3<&- < /dev/null & forward=$!
{ cat <&3 > /dev/null 2>&1; kill $forward 2> /dev/null; } & watch=$!
exec 3<&-
wait $forward
kill $watch 2> /dev/null
`

/**
 * The child ends with this process, however that ends: a shell ends kubectl when our
 * end of its standard input closes. On the ports it was first given it goes on when a pod is replaced.
 * @throws UserError (exit 4) when it cannot be opened
 */
export async function forwardPorts(
  what: string,
  ports: readonly number[],
  place: Place,
  programs: Programs,
): Promise<Forwarded> {
  const closing = new AbortController()
  const first = await forwardOnce(
    what,
    ports.map((port) => `:${port}`),
    place,
    programs,
    closing.signal,
  )
  const again = [...first.ports].map(([port, own]) => `${own}:${port}`)
  const kept = keep(
    first.ended,
    async () => await forwardOnce(what, again, place, programs, closing.signal),
    closing.signal,
  )
  return {
    ports: first.ports,
    close: async () => await closed(closing, kept),
  }
}

/**
 * As `forwardPorts` of one port, of what may not run yet, or end and come back: its port here is refused until then.
 * Resolves when it is open, or cannot be opened now.
 */
export async function forwardPatiently(
  what: string,
  port: number,
  place: Place,
  programs: Programs,
): Promise<Forwarded> {
  const closing = new AbortController()
  const open = async (mapping: string) => await forwardOnce(what, [mapping], place, programs, closing.signal)
  const first = await open(`:${port}`).catch(() => null)
  const own = first?.ports.get(port) ?? (await freePort())
  const kept = keep(
    first?.ended ?? Promise.resolve(),
    async () => await open(`${own}:${port}`),
    closing.signal,
  )
  return {
    ports: new Map([[port, own]]),
    close: async () => await closed(closing, kept),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function closed(closing: AbortController, kept: Promise<void>): Promise<void> {
  // The child keeps nobody awake, and its end is waited for.
  const awake = setTimeout(() => {}, 60_000)
  closing.abort()
  await kept
  clearTimeout(awake)
}

async function keep(
  ended: Promise<unknown>,
  open: () => Promise<{ readonly ended: Promise<unknown> }>,
  signal: AbortSignal,
): Promise<void> {
  let current = ended
  for (;;) {
    // Also of one that was opened when it was closed already.
    await current
    if (signal.aborted) return
    await sleep(againMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      current = (await open()).ended
    } catch {
      // Requests fail meanwhile, and are counted as failed.
      current = sleep(againMs, undefined, { ref: false })
    }
  }
}

async function forwardOnce(
  what: string,
  mappings: readonly string[],
  place: Place,
  programs: Programs,
  signal: AbortSignal,
): Promise<{ readonly ports: ReadonlyMap<number, number>; readonly ended: Promise<unknown> }> {
  const args = ['port-forward', what, ...mappings, '--address', '127.0.0.1', ...kubectlAt(place)]
  const child = spawn('sh', ['-c', tied, 'sh', ...args], {
    env: programs.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is for whoever loads, who may want what is in flight to end.
    detached: true,
  })
  const ended = new Promise<unknown>((resolve) => child.once('close', resolve).once('error', resolve))
  // Not by a signal: the shell might not have begun to watch yet.
  const stop = () => child.stdin.end()
  signal.addEventListener('abort', stop, { once: true })
  void ended.then(() => signal.removeEventListener('abort', stop))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(-2000)))
  const ports = new Map<number, number>()
  const opened = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)/.exec(line)
      if (found !== null) ports.set(Number(found[2]), Number(found[1]))
      if (ports.size === mappings.length) resolve()
    })
  })
  await Promise.race([opened, ended, sleep(openMs, undefined, { ref: false })])
  if (ports.size === mappings.length) {
    // Whoever forgets to close it is not kept from ending.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as Socket).unref()
    return { ports, ended }
  }
  stop()
  throw new UserError(`kubectl could not forward ports of ${what}: ${said.trim().split('\n').at(-1) ?? ''}`, {
    hint: `kubectl --context ${place.context} --namespace ${place.namespace} port-forward ${what} ${mappings.join(' ')}   shows why`,
    exitCode: ExitCode.unhealthy,
    code: 'port-forward',
  })
}
