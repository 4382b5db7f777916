/** What a CI job must be given for a stack: secrets, and a runner that has what the target needs. */
import type { Stack } from '../../stack/stack.ts'

/** Environment variables whose values are secret, sorted. */
export function secretVariables({ target, endpoints, tiers }: Stack): string[] {
  const named =
    target === 'external'
      ? Object.values(endpoints).flatMap(({ apiKeyEnv, headersEnv }) => [
          ...(apiKeyEnv === undefined ? [] : [apiKeyEnv]),
          ...Object.values(headersEnv ?? {}),
        ])
      : [tiers.embed, tiers.generate].flatMap((tier) =>
          tier?.provider === undefined ? [] : [tier.provider.apiKeyEnv],
        )
  return [...new Set(named)].sort()
}

export interface Runner {
  /** Null: any will do. */
  readonly kind: 'docker' | 'gpu' | null
  readonly because: string
}

export function runnerFor({ target, tiers, rehearse }: Stack): Runner {
  switch (target) {
    case 'local':
      return { kind: null, because: 'The local target rehearses on the runner itself: no Docker and no GPU.' }
    case 'external':
      return { kind: null, because: 'It only sends requests: a runner near the servers measures them best.' }
    case 'kubernetes':
      return { kind: null, because: 'It needs a kubeconfig for the cluster; the stack runs there.' }
    case 'compose':
    case 'swarm': {
      const withGpu = Object.entries(tiers).filter(
        ([, tier]) => 'gpu' in tier && tier.gpu !== undefined && tier.gpu.toLowerCase() !== 'cpu',
      )
      if (rehearse || withGpu.length === 0) {
        return { kind: 'docker', because: 'It needs Docker; the stack runs on the runner.' }
      }
      const names = withGpu.map(([name]) => name).join(', ')
      return { kind: 'gpu', because: `It needs Docker and the GPUs of ${names}: a runner of your own.` }
    }
  }
}
