/** `caFile`, `certFile` and `keyFile`, with certificates made on the spot. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadTarget } from '../../../src/load/plan.ts'
import { assertReachable } from '../../../src/load/reachable.ts'
import { measure } from './measure.ts'

const program = 'openssl'

function hasOpenssl(): boolean {
  try {
    execFileSync(program, ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe.skipIf(!hasOpenssl())('a server that wants a certificate and has one of a private authority', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ragscale-tls-'))
  const file = (name: string) => join(folder, name)
  let server: Server
  let target: LoadTarget

  function openssl(...args: string[]): void {
    execFileSync(program, args, { cwd: folder, stdio: 'ignore' })
  }

  beforeAll(async () => {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2']
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=a private authority')
    writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1')
    for (const name of ['server', 'client']) {
      openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      )
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        'names',
        '-out',
        `${name}.pem`,
      )
    }
    const [ca, cert, serverKey] = ['ca.pem', 'server.pem', 'server.key'].map((name) =>
      readFileSync(file(name)),
    )
    server = createServer(
      { ca: [ca!], cert: cert!, key: serverKey!, requestCert: true },
      (request, response) => {
        request.resume()
        response.end('[[1]]')
      },
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    target = { urls: [`https://127.0.0.1:${port}`], protocol: 'tei' }
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })

  const attempt = async (one: LoadTarget) => {
    const { run } = await measure(
      {
        stage: 'embed',
        scenario: 'steady',
        rate: 20,
        durationMs: 1_000,
        warmupMs: 0,
        arrivals: { kind: 'constant' },
      },
      one,
      [{ query: 'a' }],
    )
    return run.steps[0]
  }

  it('is reached and loaded with the files that the endpoint names', async () => {
    const known = {
      ...target,
      caFile: file('ca.pem'),
      certFile: file('client.pem'),
      keyFile: file('client.key'),
    }
    await assertReachable({ stage: 'embed', target: known, runsOn: 'external', env: {} })
    expect(await attempt(known)).toMatchObject({ succeeded: 20, errors: {} })
  })

  it('is not trusted without the authority, and that is said before anything is loaded', async () => {
    await expect(
      assertReachable({ stage: 'embed', target, runsOn: 'external', env: {} }),
    ).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('certificate') as string,
    })
    expect(await attempt(target)).toMatchObject({ succeeded: 0, errors: { connect: 20 } })
  })
})
