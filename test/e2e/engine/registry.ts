/** A registry with one image, slow enough to be watched: enough of the protocol for an engine to pull it. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

const chunkBytes = 500_000
const everyMs = 100

export interface Registry {
  /** `127.0.0.1:40001`, which engines take without TLS. */
  readonly address: string
  close(): void
}

/** Any name is the image, but for one with `gone` in it. */
export async function startRegistry(layerBytes: number): Promise<Registry> {
  const layerTar = tarOf('data', randomBytes(layerBytes))
  const layer = gzipSync(layerTar)
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digest(layerTar)] },
  })
  const manifestType = 'application/vnd.docker.distribution.manifest.v2+json'
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: part('application/vnd.docker.container.image.v1+json', config),
    layers: [part('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)],
  })
  const server = createServer((request, response) => {
    const { url = '' } = request
    const head = request.method === 'HEAD'
    if (url === '/v2/') response.end('{}')
    else if (url.includes('gone')) {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
    } else if (url.includes('/manifests/')) {
      const headers = { 'content-type': manifestType, 'docker-content-digest': digest(manifest) }
      response.writeHead(200, { ...headers, 'content-length': manifest.length })
      response.end(head ? undefined : manifest)
    } else {
      const blob = url.endsWith(digest(config)) ? config : layer
      response.writeHead(200, { 'content-length': blob.length })
      if (head) response.end()
      else void sendSlowly(response, blob)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function sendSlowly(response: ServerResponse, blob: Buffer): Promise<void> {
  for (let at = 0; at < blob.length && !response.destroyed; at += chunkBytes) {
    response.write(blob.subarray(at, at + chunkBytes))
    await sleep(everyMs)
  }
  response.end()
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function part(mediaType: string, bytes: Buffer) {
  return { mediaType, size: bytes.length, digest: digest(bytes) }
}

/** One file, as POSIX ustar. */
function tarOf(name: string, data: Buffer): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write('0', 156)
  header.write('ustar\0', 257)
  header.write('00', 263)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((512 - (data.length % 512)) % 512)
  return Buffer.concat([header, data, padding, Buffer.alloc(1024)])
}
