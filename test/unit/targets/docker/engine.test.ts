import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { enginePlace } from '../../../../src/targets/docker/context.ts'
import { credentialsFor, registryOf } from '../../../../src/targets/docker/credentials.ts'
import { connectionOf, olderOf, openEngine } from '../../../../src/targets/docker/engine.ts'
import { loadingOf } from '../../../../src/targets/docker/loading.ts'
import { withoutFrames } from '../../../../src/targets/docker/logs.ts'
import { PullProgress } from '../../../../src/targets/docker/pull.ts'
import { composeFailure } from '../../../../src/targets/compose/tool-failure.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ragscale-docker-'))
})
afterEach(async () => rm(home, { recursive: true, force: true }))

async function dockerFile(path: string, content: unknown): Promise<void> {
  const file = join(home, '.docker', path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, JSON.stringify(content))
}

async function context(name: string, host: string, skipsCheck = false): Promise<void> {
  const id = createHash('sha256').update(name).digest('hex')
  await dockerFile(`contexts/meta/${id}/meta.json`, {
    Name: name,
    Endpoints: { docker: { Host: host, SkipTLSVerify: skipsCheck } },
  })
}

describe('which engine is meant', () => {
  test('the usual socket, where nothing is said', async () => {
    expect(await enginePlace({ HOME: home })).toMatchObject({ host: 'unix:///var/run/docker.sock' })
  })

  test('the context that the docker command uses, unless another or DOCKER_HOST is named', async () => {
    await dockerFile('config.json', { currentContext: 'laptop' })
    await context('laptop', 'unix:///home/me/docker.sock')
    await context('server', 'tcp://10.0.0.2:2376')
    expect(await enginePlace({ HOME: home })).toMatchObject({
      host: 'unix:///home/me/docker.sock',
      from: 'the context laptop',
    })
    expect(await enginePlace({ HOME: home, DOCKER_CONTEXT: 'server' })).toMatchObject({
      host: 'tcp://10.0.0.2:2376',
    })
    const named = { HOME: home, DOCKER_CONTEXT: 'server', DOCKER_HOST: 'unix:///tmp/other.sock' }
    expect(await enginePlace(named)).toMatchObject({ host: 'unix:///tmp/other.sock', from: 'DOCKER_HOST' })
  })

  test('its certificate is checked unless the context says that it is not', async () => {
    await context('checked', 'tcp://10.0.0.2:2376')
    await context('unchecked', 'tcp://10.0.0.3:2376', true)
    const of = async (name: string) =>
      connectionOf(await enginePlace({ HOME: home, DOCKER_CONTEXT: name })).agent?.options.rejectUnauthorized
    expect(await of('unchecked')).toBe(false)
    expect(await of('checked')).toBeUndefined()
  })

  test('a context that is not there is said to be so', async () => {
    await expect(enginePlace({ HOME: home, DOCKER_CONTEXT: 'gone' })).rejects.toMatchObject({
      exitCode: 3,
      message: 'there is no docker context gone',
    })
  })
})

describe('an engine that does not answer', () => {
  test.each([
    ['is not there', (folder: string) => `unix://${folder}/no.sock`, /there is no such socket/],
    ['does not listen', () => 'tcp://127.0.0.1:1', /listens/],
    ['is behind ssh', () => 'ssh://me@host', /cannot speak to/],
  ])('%s: exit 3, with what to do', async (_, host, says) => {
    const failed = openEngine({ HOME: home, DOCKER_HOST: host(home) })
    await expect(failed).rejects.toMatchObject({ exitCode: 3, message: expect.stringMatching(says) })
    await expect(failed).rejects.toHaveProperty('hint')
  })
})

test('versions of the API are compared number by number', () => {
  expect(olderOf('1.9', '1.41')).toBe('1.9')
  expect(olderOf('1.52', '1.44')).toBe('1.44')
  expect(olderOf('1.44', '1.44')).toBe('1.44')
})

describe('credentials', () => {
  test('are those of the image’s own registry', async () => {
    const auth = Buffer.from('me:a:b').toString('base64')
    await dockerFile('config.json', { auths: { 'ghcr.io': { auth } } })
    expect(await credentialsFor('ghcr.io/org/image:1', { HOME: home })).toEqual({
      username: 'me',
      password: 'a:b',
      serveraddress: 'ghcr.io',
    })
    expect(await credentialsFor('redis:7', { HOME: home })).toBeNull()
  })

  test.each([
    ['redis:7', 'https://index.docker.io/v1/'],
    ['qdrant/qdrant:v1', 'https://index.docker.io/v1/'],
    ['docker.io/library/redis', 'https://index.docker.io/v1/'],
    ['ghcr.io/huggingface/tei:1', 'ghcr.io'],
    ['localhost:5000/a', 'localhost:5000'],
  ])('%s is of %s', (image, registry) => {
    expect(registryOf(image)).toBe(registry)
  })
})

test('a pull is told in bytes of all its layers', () => {
  const progress = new PullProgress()
  expect(progress.says()).toBe('asking the registry')
  const mebibytes = (current: number, total: number) => ({
    current: current * 2 ** 20,
    total: total * 2 ** 20,
  })
  progress.add({ id: 'a', status: 'Downloading', progressDetail: mebibytes(10, 100) })
  progress.add({ id: 'b', status: 'Downloading', progressDetail: mebibytes(5, 50) })
  expect(progress.says()).toBe('pulling 15 MiB of 150 MiB')
  progress.add({ id: 'b', status: 'Retrying in 5 seconds' })
  expect(progress.says()).toBe('cut off by the registry at 15 MiB of 150 MiB: asked again in 5s')
  // Of the rest.
  progress.add({ id: 'b', status: 'Downloading', progressDetail: mebibytes(1, 45) })
  expect(progress.says()).toBe('pulling 16 MiB of 150 MiB')
  progress.add({ id: 'b', status: 'Downloading', progressDetail: mebibytes(0, 45) })
  progress.add({ id: 'a', status: 'Download complete' })
  expect(progress.says()).toBe('pulling 105 MiB of 150 MiB')
  progress.add({ id: 'b', status: 'Pull complete' })
  progress.add({ id: 'a', status: 'Extracting' })
  expect(progress.says()).toBe('unpacking 150 MiB')
})

test('frames of both streams are taken off a log, and a terminal’s log has none', () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.alloc(8)
    head[0] = stream
    head.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([head, Buffer.from(text)])
  }
  expect(withoutFrames(Buffer.concat([frame(1, 'out\n'), frame(2, 'größer\n')]))).toBe('out\ngrößer\n')
  expect(withoutFrames(Buffer.from('plain text\n'))).toBe('plain text\n')
})

test('how far a model has loaded is read from the newest line that says so', () => {
  const says: [string, string][] = [
    [
      'Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:02<00:06]',
      'loading weights, 1 of 4 parts',
    ],
    ['{"level":"INFO","message":"Warming up model"}', 'warming up'],
    ['Downloading `model.safetensors`', 'fetching model.safetensors'],
    ['model.safetensors:  45%|████▌     | 1.2G/2.7G [00:10<00:12, 120MB/s]', 'fetching 45 % (1.2G of 2.7G)'],
    ['fetching tokenizer.json', 'fetching tokenizer.json'],
    ['INFO Model loading took 14.99 GiB and 4.5 seconds', 'weights loaded, 14.99 GiB'],
    ['Capturing CUDA graph shapes:  40%|████', 'capturing CUDA graphs, 40 %'],
  ]
  for (const [line, expected] of says) expect(loadingOf(['something else', line, 'and more'])).toBe(expected)
  expect(loadingOf(['nothing of it'])).toBeNull()
})

describe('a failure of Docker Compose', () => {
  const failure = (stderr: string) => composeFailure(stderr, [], { compose: 'deploy/compose' })

  test('names the port that is taken, and where to name another', () => {
    const bind =
      'Error response from daemon: driver failed programming external connectivity: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use'
    expect(failure(bind)).toMatchObject({
      message: 'the port 0.0.0.0:8080 is taken by somebody else on this machine',
      code: 'port-taken',
      exitCode: 4,
    })
    expect(failure('Bind for 127.0.0.1:8081 failed: port is already allocated')).toMatchObject({
      message: 'the port 127.0.0.1:8081 is taken by somebody else on this machine',
    })
  })

  test('says that a disk is full', () => {
    expect(failure('write /var/lib/docker/x: no space left on device')).toMatchObject({ code: 'disk' })
  })
})
