import { expect, test } from 'vitest'
import { Execution } from '../../../../src/targets/kubernetes/execute.ts'
import { ClusterUnreachable } from '../../../../src/targets/kubernetes/programs.ts'
import type { KubernetesStep } from '../../../../src/targets/kubernetes/steps.ts'
import type { Progress } from '../../../../src/targets/target.ts'
import { Recorded } from './recorded-programs.ts'

const place = {
  context: 'prod',
  namespace: 'rag',
  server: 'https://10.0.0.1:6443',
  local: false,
  isNamed: false,
}
const step: KubernetesStep = {
  kind: 'delete',
  objects: ['namespace/rag'],
  place,
  what: 'remove namespace rag',
  because: 'ragscale made it, and nothing else is in it',
  tier: null,
}

test('what does not go in time is held by somebody, which is not the API server’s fault', async () => {
  const programs = new Recorded({
    'kubectl delete namespace/rag --ignore-not-found --timeout 5s': {
      ok: false,
      stderr: 'error: timed out waiting for the condition on namespaces/rag',
    },
  })
  const options = { onProgress: () => {}, signal: new AbortController().signal, timeoutMs: 5_000 }
  const execution = new Execution(programs, '/stacks/preset/.ragscale/kubernetes', new Map(), options)
  await expect(execution.run([step])).rejects.toMatchObject({
    exitCode: 4,
    message: 'namespace/rag did not go in time: something still holds what is to go',
    hint: expect.stringMatching(/^kubectl --context prod --namespace rag describe namespace\/rag/),
  })
})

/** Goes away once, after it has done what it was told. */
class AwayOnce extends Recorded {
  #away = false
  override async attempt(...[program, args]: Parameters<Recorded['attempt']>) {
    if (!this.#away) {
      this.#away = true
      this.asked.push(`${program} ${args.join(' ')}`)
      throw new ClusterUnreachable('connection refused')
    }
    return await super.attempt(program, args)
  }
}

test('a namespace that was made before the API server went away is made, once', async () => {
  const programs = new AwayOnce({
    'kubectl create --filename -': {
      ok: false,
      stderr: 'Error from server (AlreadyExists): namespaces "rag" already exists',
    },
  })
  const told: string[] = []
  const options = {
    onProgress: (progress: Progress) => void (progress.kind === 'note' && told.push(progress.text)),
    signal: new AbortController().signal,
    timeoutMs: 60_000,
  }
  const making: KubernetesStep = {
    kind: 'namespace',
    place,
    release: 'handbook',
    what: 'make namespace rag',
    because: 'there is none',
    tier: null,
  }
  await new Execution(programs, '/stacks/preset/.ragscale/kubernetes', new Map(), options).run([making])
  expect(programs.asked).toHaveLength(2)
  expect(told).toEqual([expect.stringMatching(/does not answer/), 'the API server answers again'])
})

test('a namespace that somebody else makes meanwhile is told of', async () => {
  const programs = new Recorded({
    'kubectl create --filename -': { ok: false, stderr: 'Error from server (AlreadyExists): it is there' },
  })
  const options = { onProgress: () => {}, signal: new AbortController().signal, timeoutMs: 5_000 }
  const making: KubernetesStep = { kind: 'namespace', place, release: 'a', what: '', because: '', tier: null }
  const execution = new Execution(programs, '/stacks/preset/.ragscale/kubernetes', new Map(), options)
  await expect(execution.run([making])).rejects.toThrow('AlreadyExists')
})
