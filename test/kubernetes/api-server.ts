/** A Kubernetes API server with its etcd, on loopback, in a folder of its own: real validation, no nodes, no images. */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Processes } from './processes.ts'

export interface ApiServer {
  /** For `kubectl` and `helm`. */
  readonly kubeconfig: string
  /** Where everything of it is kept, and logged; gone when it is closed. */
  readonly folder: string
  /** Ended with it, and before it. */
  readonly processes: Processes
  /** The API server alone, as by a crash; what it stored stays. */
  crash(): Promise<void>
  /** Starts it again; resolves when it is ready. */
  comeBack(): Promise<void>
  /** Ends all, the API server before its etcd, and removes what they stored. */
  close(): Promise<void>
}

/** Where it runs, and by which address it is called. */
export interface Where {
  readonly address: string
  /** As for `Processes`. */
  readonly within?: readonly string[]
}

const here: Where = { address: '127.0.0.1' }
const readyMs = 120_000
const name = 'kube-apiserver'

/** @throws Error with the last that they wrote, when they do not become ready */
export async function startApiServer(
  programs: { readonly etcd: string; readonly apiServer: string },
  { address, within }: Where = here,
): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-kubernetes-'))
  const at = (file: string) => join(folder, file)
  const processes = new Processes(folder, within)
  const close = async () => {
    await processes.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const [clients, peers, secure] = [await freePort(), await freePort(), await freePort()]
    const etcdUrl = `http://127.0.0.1:${clients}`
    const peerUrl = `http://127.0.0.1:${peers}`
    processes.start('etcd', programs.etcd, [
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
    processes.start(name, programs.apiServer, [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${at('certificates')}`,
      `--secure-port=${secure}`,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      // By which kubelets are called for logs and forwarded ports.
      '--kubelet-preferred-address-types=InternalIP',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      '--authorization-mode=RBAC',
      `--token-auth-file=${at('tokens.csv')}`,
      '--endpoint-reconciler-type=none',
      // Debian's etcd 3.4 cannot say how far a watch has come, which lists by watching wait for.
      '--feature-gates=WatchList=false',
    ])
    const url = `https://${address}:${secure}`
    const kubeconfig = at('kubeconfig')
    await writeFile(kubeconfig, kubeconfigOf(url, token), { mode: 0o600 })
    await ready(`${url}/readyz`, token, processes)
    return {
      kubeconfig,
      folder,
      processes,
      crash: async () => await processes.kill(name),
      comeBack: async () => {
        processes.restart(name)
        await ready(`${url}/readyz`, token, processes)
      },
      close,
    }
  } catch (error) {
    const written = await processes.lastWords()
    await close()
    throw new Error(`the API server did not start\n${written}`, { cause: error })
  }
}

/** curl knows how to leave its self-signed certificate unchecked for one call. */
async function ready(url: string, token: string, processes: Processes): Promise<void> {
  const deadlineMs = Date.now() + readyMs
  while (Date.now() < deadlineMs) {
    const ended = processes.ended()
    if (ended !== null) throw new Error(`${ended} ended`)
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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address.port
}
