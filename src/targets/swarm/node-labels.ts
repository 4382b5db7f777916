/** Labels by which nodes say what they are for. Pure. */
import { ExitCode, UserError } from '../../errors.ts'
import type { SwarmObserved, SwarmStep } from './steps.ts'

/**
 * Where data lies is for the user to say as soon as there is a choice. With one node there is none.
 * @throws UserError (exit 2) with the commands, where several nodes are there and none is labelled
 */
export function labelSteps({ swarm, wanted }: SwarmObserved): SwarmStep[] {
  const needed = [...new Set(wanted.model.services.flatMap(({ nodeLabels }) => nodeLabels))]
  const missing = needed.filter((label) => swarm.nodes.every(({ labels }) => labels[label] !== 'true'))
  const [only, ...others] = swarm.nodes
  if (missing.length === 0 || only === undefined) return []
  if (others.length > 0) {
    const nodes = swarm.nodes.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    const commands = missing.map((label, index) => {
      const node = nodes[index % nodes.length]
      return `docker node update --label-add ${label}=true ${node?.name ?? '<node>'}`
    })
    throw new UserError(
      `no node is labelled ${missing.join(', ')}: data stays on the node where it is written`,
      {
        hint: `Say which node has what, for example:\n${commands.join('\n')}`,
        exitCode: ExitCode.usage,
        code: 'node-labels',
      },
    )
  }
  return [
    {
      kind: 'label',
      node: only.id,
      add: missing,
      remove: [],
      what: `label node ${only.name}: ${missing.join(', ')}`,
      because: 'data stays on the node where it is written, and this swarm has one',
      tier: null,
    },
  ]
}
