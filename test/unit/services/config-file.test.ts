import fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expandVariables, readConfigFile } from '../../../src/services/config-file.ts'
import { redisUrl } from '../../../src/services/redis.ts'
import { optionalSecret, requiredSecret } from '../../../src/services/secrets.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-config-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function file(text: string, name = 'file'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe('variables in a configuration', () => {
  test('are put into every string, however deep, and into no key', () => {
    expect(
      expandVariables(
        { uri: 'http://${HOST}:${PORT}/', '${HOST}': [{ port: '${PORT}' }, 1, null, true] },
        { HOST: 'vector-2', PORT: '6335' },
      ),
    ).toEqual({ uri: 'http://vector-2:6335/', '${HOST}': [{ port: '6335' }, 1, null, true] })
  })

  test('that are not set are an error that names them', () => {
    expect(() => expandVariables({ uri: 'http://${NOWHERE}' }, {})).toThrow(
      '"http://${NOWHERE}" names the variable NOWHERE, which is not set',
    )
  })

  test('can be written as they are with one more dollar', () => {
    expect(expandVariables('$${HOST} $HOST $', { HOST: 'a' })).toBe('${HOST} $HOST $')
  })

  test('leave any JSON that names none exactly as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('${'))
        expect(expandVariables(value, {})).toEqual(value)
      }),
    )
  })

  test('are read with the file that RAGSCALE_CONFIG names', async () => {
    const path = await file('{ "host": "${HOST}" }')
    expect(await readConfigFile({ RAGSCALE_CONFIG: path, HOST: 'a' })).toEqual({ host: 'a' })
  })

  test('and a file that is none, or no JSON, is an error that names it', async () => {
    await expect(readConfigFile({})).rejects.toThrow('RAGSCALE_CONFIG must name a JSON file')
    await expect(readConfigFile({ RAGSCALE_CONFIG: '/no/such' })).rejects.toThrow('could not read /no/such')
    const path = await file('{')
    await expect(readConfigFile({ RAGSCALE_CONFIG: path })).rejects.toThrow(`could not read ${path}`)
  })
})

describe('a secret', () => {
  test('comes from its variable, or from the file that one more names, without its line break', async () => {
    const path = await file('s3cret \n')
    expect(optionalSecret('KEY', { KEY: 'a' })).toBe('a')
    expect(optionalSecret('KEY', { KEY_FILE: path })).toBe('s3cret ')
    expect(optionalSecret('KEY', { KEY: '', KEY_FILE: '' })).toBeUndefined()
  })

  test('that is given twice, empty or unreadable is an error that names the variable', async () => {
    const empty = await file('\n')
    expect(() => optionalSecret('KEY', { KEY: 'a', KEY_FILE: empty })).toThrow(
      'KEY and KEY_FILE are both set',
    )
    expect(() => optionalSecret('KEY', { KEY_FILE: empty })).toThrow('is empty')
    expect(() => optionalSecret('KEY', { KEY_FILE: '/no/such' })).toThrow(
      'could not read what KEY_FILE names',
    )
  })

  test('is only wanted where a variable is named', () => {
    expect(requiredSecret(undefined, {})).toBeUndefined()
    expect(() => requiredSecret('KEY', {})).toThrow('the environment variable KEY is not set')
  })
})

describe('the URL of Redis', () => {
  const names = { urlEnv: 'REDIS_URL', passwordEnv: 'REDIS_PASSWORD' }

  test('takes the password from beside it, whatever characters it has, and keeps one of its own', () => {
    const password = 'a:b@c/d%20 e'
    const url = redisUrl(names, { REDIS_URL: 'redis://cache:6379', REDIS_PASSWORD: password })
    expect(decodeURIComponent(new URL(url ?? '').password)).toBe(password)
    expect(redisUrl(names, { REDIS_URL: 'redis://:own@cache:6379', REDIS_PASSWORD: 'x' })).toBe(
      'redis://:own@cache:6379',
    )
    expect(redisUrl(names, {})).toBeUndefined()
  })

  test('that is none is an error without what may be a secret in it', () => {
    expect(() => redisUrl(names, { REDIS_URL: 'cache:s3cret' })).toThrow(/^REDIS_URL is no URL such as/)
  })
})
