import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { loadStack } from '../../src/stack/load.ts'
import { localTarget } from '../../src/targets/local/local.ts'
import { installedService } from '../../src/targets/local/services.ts'
import type { StackTarget } from '../../src/targets/target.ts'
import { type StackOnDisk, embedOnly, stackOnDisk } from './local/stack-on-disk.ts'

let disk: StackOnDisk

beforeEach(async () => {
  disk = await stackOnDisk(embedOnly(2))
})
afterEach(async () => {
  await disk.remove()
})

/** The local target with another program in place of the embedding server. */
function targetWith(service: 'crashing' | 'sick'): StackTarget {
  const fake = fileURLToPath(new URL(`local/${service}-service.ts`, import.meta.url))
  return localTarget(disk.folder, {
    locate: (name) => (name === 'emulators/tei' ? fake : installedService(name)),
  })
}

async function bringUp(target: StackTarget, timeoutMs: number): Promise<UserError> {
  const stack = await loadStack('ragscale.yaml', { cwd: disk.folder })
  const steps = target.plan(stack, await target.observe(stack))
  const { signal } = new AbortController()
  const error = await target.execute(steps, { onProgress: () => {}, signal, timeoutMs }).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(UserError)
  return error as UserError
}

describe('a replica that never becomes healthy', () => {
  it('because it dies is named with its last lines, exit 4, and is not started over and over', async () => {
    const error = await bringUp(targetWith('crashing'), 60_000)
    expect(error.exitCode).toBe(4)
    expect(error.message).toMatch(/^embed-[12] keeps failing: exited with code 3\n/)
    expect(error.message).toContain('| there is no file model.safetensors')
    expect(error.hint).toContain('ragscale logs embed')
    // The stack is left for a look: exit 4 from status too, which says why.
    const status = await disk.ragscale('status')
    expect(status.exitCode).toBe(4)
    expect(status.out).toMatch(/^embed-[12] is failing: exited with code 3$/m)
    for (const { tier, replica, restarts } of (await disk.status()).replicas) {
      if (tier === 'embed' && replica !== 'balancer') expect(restarts).toBeLessThanOrEqual(3)
    }
  })

  it('because it is never ready is named with what its health check answered, when the time is up', async () => {
    const error = await bringUp(targetWith('sick'), 3_000)
    expect(error.exitCode).toBe(4)
    expect(error.message).toMatch(/^embed-1 did not become healthy in time: GET \/health answered 503\n/)
    expect(error.message).toContain('| waiting for a GPU that is not there')
  })
})
