/** A Kubernetes API server with its etcd, on loopback, in a folder of its own: real validation, no nodes, no images. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ApiServer {
  /** For `kubectl` and `helm`. */
  readonly kubeconfig: string
  /** Ends both, the API server first, and removes what they stored. */
  close(): Promise<void>
}

const readyMs = 120_000

/** @throws Error with the last that they wrote, when they do not become ready */
export async function startApiServer(programs: {
  readonly etcd: string
  readonly apiServer: string
}): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-kubernetes-'))
  const at = (name: string) => join(folder, name)
  const running: { readonly name: string; readonly child: ChildProcess }[] = []
  const start = (name: string, program: string, args: readonly string[]) => {
    const log = openSync(at(`${name}.log`), 'w')
    running.push({ name, child: spawn(program, args, { cwd: folder, stdio: ['ignore', log, log] }) })
  }
  const close = async () => {
    // The API server waits for its etcd for as long as a minute when that goes first.
    for (const { child } of running.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(killing)
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const [clients, peers, secure] = [await freePort(), await freePort(), await freePort()]
    const etcdUrl = `http://127.0.0.1:${clients}`
    const peerUrl = `http://127.0.0.1:${peers}`
    start('etcd', programs.etcd, [
      `--data-dir=${at('etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--unsafe-no-fsync',
    ])
    const token = randomBytes(24).toString('hex')
    await writeFile(at('tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 })
    execFileSync('openssl', ['genrsa', '-out', at('sa.key'), '2048'], { stdio: 'ignore' })
    execFileSync('openssl', ['rsa', '-in', at('sa.key'), '-pubout', '-out', at('sa.pub')], {
      stdio: 'ignore',
    })
    start('kube-apiserver', programs.apiServer, [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${at('certificates')}`,
      `--secure-port=${secure}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      '--authorization-mode=RBAC',
      `--token-auth-file=${at('tokens.csv')}`,
      '--endpoint-reconciler-type=none',
    ])
    const kubeconfig = at('kubeconfig')
    await writeFile(kubeconfig, kubeconfigOf(`https://127.0.0.1:${secure}`, token), { mode: 0o600 })
    await ready(`https://127.0.0.1:${secure}/readyz`, token, running)
    return { kubeconfig, close }
  } catch (error) {
    const written = await Promise.all(
      running.map(
        async ({ name }) => `${name}:\n${(await readFile(at(`${name}.log`), 'utf8')).slice(-2000)}`,
      ),
    )
    await close()
    throw new Error(`the API server did not start\n${written.join('\n')}`, { cause: error })
  }
}

/** curl knows how to leave its self-signed certificate unchecked for one call. */
async function ready(
  url: string,
  token: string,
  running: readonly { readonly name: string; readonly child: ChildProcess }[],
): Promise<void> {
  const deadlineMs = Date.now() + readyMs
  while (Date.now() < deadlineMs) {
    const ended = running.find(({ child }) => child.exitCode !== null || child.signalCode !== null)
    if (ended !== undefined) throw new Error(`${ended.name} ended`)
    const asked = spawn(
      'curl',
      ['--insecure', '--silent', '--fail', '--max-time', '5', '--header', '@-', url],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    )
    // By its standard input: a process list shows arguments.
    asked.stdin.end(`Authorization: Bearer ${token}\n`)
    const [code] = (await once(asked, 'exit')) as [number | null]
    if (code === 0) return
    await sleep(500)
  }
  throw new Error(`not ready after ${readyMs / 1000} s`)
}

function kubeconfigOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin', namespace: 'rag' } }],
    'current-context': 'test',
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address.port
}
