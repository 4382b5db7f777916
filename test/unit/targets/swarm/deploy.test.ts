import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Engine } from '../../../../src/targets/docker/engine.ts'
import { Execution } from '../../../../src/targets/swarm/execute.ts'
import { model, observed, places, running } from './swarms.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'ragscale-docker-'))))
afterEach(async () => await rm(folder, { recursive: true, force: true }))

test('a deployment is read from standard input, and hands the nodes the logins of their registries', async () => {
  const docker = join(folder, 'docker')
  await writeFile(docker, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/asked\ncat > ${folder}/read\n`)
  await chmod(docker, 0o755)
  const lists = { listNodes: async () => [], listServices: async () => [], listTasks: async () => [] }
  const around = {
    engine: { docker: lists } as unknown as Engine,
    places,
    env: { PATH: `${folder}:/usr/bin:/bin` },
  }
  const wanted = model()
  const options = { onProgress: () => {}, signal: new AbortController().signal, timeoutMs: 10_000 }
  await new Execution(around, observed(running(wanted), wanted), options).run([
    {
      kind: 'deploy',
      stack: 'handbook',
      document: '{"services":{}}',
      cwd: folder,
      what: 'docker stack deploy handbook',
      because: 'it makes these changes',
      tier: null,
    },
  ])
  const asked = (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')
  expect(asked.slice(0, 2)).toEqual(['stack', 'deploy'])
  expect(asked).toContain('--with-registry-auth')
  expect(asked.slice(-3)).toEqual(['-c', '-', 'handbook'])
  expect(await readFile(join(folder, 'read'), 'utf8')).toBe('{"services":{}}')
})
