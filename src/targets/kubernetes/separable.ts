import { UserError } from '../../errors.ts'
import type { KubernetesStep } from './steps.ts'

/** Helm changes a release as a whole: where some of its changes were not asked for, none is made. @throws UserError */
export function assertSeparable(steps: readonly KubernetesStep[]): void {
  const upgrade = steps.find((step) => step.kind === 'upgrade')
  const parts = steps.filter(({ kind }) => kind === 'part').length
  if (upgrade === undefined || parts === upgrade.parts) return
  const others = upgrade.parts - parts
  throw new UserError(
    `ragscale.yaml asks for ${others} other ${others === 1 ? 'change' : 'changes'} of the release too, which Helm makes in one go`,
    { hint: 'ragscale up --dry-run shows them; ragscale up makes them, and then this', code: 'drift' },
  )
}
