import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forwardPatiently } from '../../../../src/targets/kubernetes/port-forward.ts'
import { Programs } from '../../../../src/targets/kubernetes/programs.ts'

const place = {
  context: 'test',
  namespace: 'rag',
  server: 'https://10.0.0.1:6443',
  local: false,
  isNamed: false,
}

/** Writes its arguments down; fails as often as it is told to, then forwards (5000 where it may choose) until it is ended. */
const kubectl = `#!/bin/sh
cd "$(dirname "$0")"
trap 'echo ended >> calls; exit 0' TERM
echo "$3" >> calls
[ "$(wc -l < calls)" -le "$(cat failures)" ] && { echo 'error: pod is not running' >&2; exit 1; }
echo "Forwarding from 127.0.0.1:$(echo "$3" | sed 's/^:/5000:/; s/:.*//') -> 6333"
while :; do sleep 0.05; done
`

describe('a port of what may not run yet', () => {
  let folder: string
  const calls = async (): Promise<string[]> =>
    (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n')
  const opened = async (failures: number) => {
    await writeFile(join(folder, 'failures'), String(failures))
    const programs = new Programs({ PATH: `${folder}:${process.env['PATH'] ?? ''}` })
    return await forwardPatiently('pod/vector-0', 6333, place, programs)
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-kubectl-'))
    await writeFile(join(folder, 'kubectl'), kubectl)
    await chmod(join(folder, 'kubectl'), 0o755)
  })
  afterEach(async () => await rm(folder, { recursive: true, force: true }))

  it('is the one that kubectl chose, where it can be opened at once', async () => {
    const forwarded = await opened(0)
    expect(forwarded.ports.get(6333)).toBe(5000)
    await forwarded.close()
    expect(await calls()).toEqual([':6333', 'ended'])
  })

  it('is the same from the beginning until it can be opened, and is closed for good', async () => {
    const forwarded = await opened(2)
    const own = forwarded.ports.get(6333) ?? 0
    expect(own).toBeGreaterThan(1023)
    const again = `${own}:6333`
    await expect.poll(calls, { timeout: 30_000 }).toEqual([':6333', again, again])
    await forwarded.close()
    expect(await calls()).toEqual([':6333', again, again, 'ended'])
  })
})
