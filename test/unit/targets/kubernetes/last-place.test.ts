import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  assertSamePlace,
  readLastPlace,
  removeLastPlace,
  writeLastPlace,
} from '../../../../src/targets/kubernetes/last-place.ts'
import { type Place, readPlace } from '../../../../src/targets/kubernetes/place.ts'
import { Recorded } from './recorded-programs.ts'

const prod: Place = {
  context: 'prod',
  namespace: 'rag',
  server: 'https://10.0.0.1:6443',
  local: false,
  isNamed: false,
}
const staging: Place = { ...prod, context: 'staging', server: 'https://10.0.0.2:6443' }

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'ragscale-place-'))))
afterEach(async () => await rm(folder, { recursive: true, force: true }))

describe('the cluster that a stack was last brought up in', () => {
  test('is known until it is taken down', async () => {
    expect(await readLastPlace(folder)).toBeNull()
    await writeLastPlace(folder, prod)
    expect(await readLastPlace(folder)).toEqual({
      context: 'prod',
      namespace: 'rag',
      server: 'https://10.0.0.1:6443',
    })
    await removeLastPlace(folder)
    expect(await readdir(folder)).toEqual([])
  })

  test('is unknown by half a note', async () => {
    await writeFile(join(folder, 'place.json'), '{"context":"pr')
    expect(await readLastPlace(folder)).toBeNull()
  })

  test('is the only one that a change goes to, by server and namespace', () => {
    expect(() => assertSamePlace(staging, null)).not.toThrow()
    expect(() => assertSamePlace({ ...prod, context: 'renamed' }, prod)).not.toThrow()
    expect(() => assertSamePlace(staging, prod)).toThrow(
      'this stack was last brought up in context prod, namespace rag (https://10.0.0.1:6443), and kubectl is at context staging, namespace rag (https://10.0.0.2:6443) now',
    )
    expect(() => assertSamePlace({ ...prod, namespace: 'other' }, prod)).toThrow('namespace other')
  })

  test('is not held to where another is named', () => {
    expect(() => assertSamePlace({ ...staging, isNamed: true }, prod)).not.toThrow()
  })
})

test('a context that is named is the one that kubectl is asked for', async () => {
  const config = {
    'current-context': 'prod',
    contexts: [{ context: { namespace: 'rag' } }],
    clusters: [{ cluster: { server: 'https://10.0.0.2:6443' } }],
  }
  const answers = {
    'kubectl config view --minify --output json --context staging': { stdout: JSON.stringify(config) },
  }
  const programs = new Recorded(answers, { RAGSCALE_CONTEXT: 'staging' })
  expect(await readPlace(programs)).toEqual({ ...staging, isNamed: true })
})
