import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, SecretUse } from '../../../src/catalog/container.ts'
import { secretPath } from '../../../src/catalog/secrets.ts'
import { startCommand } from '../../../src/render/secret-files.ts'

const run = promisify(execFile)
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-secrets-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function container(over: Partial<Container>): Container {
  return {
    image: { reference: 'server:1', because: 'a test' },
    env: {},
    secrets: [],
    ports: {},
    mounts: [],
    files: [],
    health: null,
    resources: {
      request: { cpus: 1, memoryBytes: 1 },
      limit: { cpus: null, memoryBytes: 1 },
      because: 'a test',
    },
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 1, preStopSeconds: 0 },
    root: false,
    readOnly: true,
    ...over,
  }
}

/** Runs what a container would, with its secrets in a folder of the test's. */
async function start(
  command: readonly string[],
  args: readonly string[],
  secrets: readonly SecretUse[],
): Promise<string> {
  const begun = startCommand(container({ command, args, secrets }))
  const [program = '', ...rest] = [...(begun?.entrypoint ?? []), ...(begun?.command ?? [])].map((part) =>
    part.replaceAll(secretPath(''), `${folder}/`),
  )
  const { stdout } = await run(program, rest, { env: { PATH: process.env['PATH'] } })
  return stdout
}

const secret = async (name: string, value: string): Promise<void> => {
  await writeFile(join(folder, name), value)
}

describe('what a container starts where secrets are files', () => {
  test('is what the image says, where nothing else is asked for', () => {
    expect(startCommand(container({ args: ['--port', '1'] }))).toBeNull()
  })

  test('is the command that its folder says', () => {
    expect(startCommand(container({ command: ['server'], args: ['--fast'] }))).toEqual({
      entrypoint: ['server'],
      command: ['--fast'],
    })
  })

  test('has the values in its environment and its arguments as they were', async () => {
    await secret('key', `it's a "$secret" with \\ and spaces`)
    const said = await start(
      ['/bin/sh', '-c', 'printf "%s|%s|%s" "$KEY" "$0" "$1"', 'an argument'],
      ['$KEY stays "as it is"'],
      [{ name: 'key', valueEnv: 'KEY' }],
    )
    expect(said).toBe(`it's a "$secret" with \\ and spaces|an argument|$KEY stays "as it is"`)
  })

  test('becomes the program: no shell stays between it and signals', async () => {
    await secret('key', 'k')
    const said = await start(['/bin/sh', '-c', 'ps -o ppid= -p $$'], [], [{ name: 'key', valueEnv: 'KEY' }])
    expect(Number(said)).toBe(process.pid)
  })

  test('does not start without a secret that it needs', async () => {
    await expect(
      start(['/bin/sh', '-c', 'echo started'], [], [{ name: 'missing', valueEnv: 'KEY' }]),
    ).rejects.toThrow(/missing/)
  })

  test.each(['missing', 'empty'])(
    'starts without an optional secret that is %s, which is then unset',
    async (name) => {
      await secret('empty', '')
      const said = await start(
        ['/bin/sh', '-c', 'printf "%s" "${KEY-unset}"'],
        [],
        [{ name, valueEnv: 'KEY', optional: true }],
      )
      expect(said).toBe('unset')
    },
  )

  test('is refused where nothing says what to become', () => {
    expect(() => startCommand(container({ secrets: [{ name: 'key', valueEnv: 'KEY' }] }))).toThrow(
      /must say its command/,
    )
  })
})
