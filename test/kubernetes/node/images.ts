/** Images for a node without a registry: made in a Docker engine, saved to one file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { startEngine } from '../../engine/engine.ts'
import { importImage } from '../../images/import.ts'
import { type ImageName, makeImages, publishedTag, tagOf } from '../../images/make.ts'
import { layOut } from '../../images/root-folder.ts'
import { pauseImage } from './container-runtime.ts'

const names: readonly ImageName[] = ['ragscale', 'nginx', 'redis']
/** ragscale's own, as another version of it would be. */
export const nextImage = 'ragscale:next'
/** And one each of whose answers to a question comes so much later: more than a machine adds that is busy with all else. */
export const slowImage = 'ragscale:slow'
const slowerMs = 2_500

/** `path`: a file to be, absolute. An engine that `RAGSCALE_ENGINE` names has the first of them already. */
export async function saveImages(path: string): Promise<void> {
  const given = process.env['RAGSCALE_ENGINE']
  if (given !== undefined) {
    await save(path, { DOCKER_HOST: given })
    return
  }
  const engine = await startEngine()
  try {
    await makeImages(names, engine.env)
    await save(path, { ...engine.env })
  } finally {
    await engine.close()
  }
}

async function save(path: string, env: Readonly<Record<string, string>>): Promise<void> {
  await makePause(env)
  const own = tagOf('ragscale')
  await execa('docker', ['tag', own, nextImage], { env })
  await execa('docker', ['build', '--quiet', '--tag', slowImage, '-'], {
    input: `FROM ${own}\nENV NODE_OPTIONS=--import=data:text/javascript;base64,${btoa(late)}\n`,
    env: { ...env, DOCKER_BUILDKIT: '0' },
  })
  const tags = [...names.map(tagOf), await publishedTag(), nextImage, slowImage, pauseImage]
  await execa('docker', ['save', '--output', path, ...tags], { env })
}

const late = `import { Server } from 'node:http'
const { emit } = Server.prototype
Server.prototype.emit = function (name, ...rest) {
  if (name !== 'request' || rest[0].method !== 'POST') return emit.call(this, name, ...rest)
  setTimeout(() => emit.call(this, name, ...rest), ${slowerMs})
  return true
}
`

/** What holds a pod's network; it does nothing. */
async function makePause(env: Readonly<Record<string, string>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-image-'))
  try {
    await layOut(folder, { name: 'nobody', id: 65535 })
    await execa('chmod', ['755', folder])
    await importImage(folder, { tag: pauseImage, changes: ['ENTRYPOINT ["/bin/sleep", "2147483647"]'], env })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
