import { expect, test } from 'vitest'
import { Execution } from '../../../../src/targets/kubernetes/execute.ts'
import type { KubernetesStep } from '../../../../src/targets/kubernetes/steps.ts'
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
