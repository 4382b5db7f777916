/** What somebody who is woken does, in the words of this command line and this target. */
import type { RenderTarget } from '../topology.ts'

/** The steps as numbered lines. */
export function steps(...all: readonly (string | null)[]): string {
  return all
    .filter((step) => step !== null)
    .map((step, index) => `${index + 1}. ${step}`)
    .join('\n')
}

export function logsOf(target: RenderTarget, tier: string): string {
  switch (target) {
    case 'compose':
    case 'swarm':
    case 'kubernetes':
      return `\`ragscale logs ${tier}\``
    case 'systemd':
      return `\`journalctl --since -1h -u 'ragscale-${tier}@*'\``
  }
}

export function statusOf(target: RenderTarget, tier: string): string {
  return target === 'systemd' ? `\`systemctl status 'ragscale-${tier}@*'\`` : '`ragscale status`'
}

/** For an alert of one tier that brings no steps of its own. */
export function tierSteps(target: RenderTarget, tier: string, dashboard: string): string {
  if (tier === 'observability') {
    return steps(
      'It is of a host, not of one replica: the labels say which. Look at that host first.',
      `See which tiers suffer from it: the dashboard "${dashboard}".`,
      'Move what runs there to another host, or stop it, before the host is repaired.',
    )
  }
  return steps(
    `See what else changed at that time: the dashboard "${dashboard}".`,
    `Look whether every replica is well: ${statusOf(target, tier)}.`,
    `Read what it says: ${logsOf(target, tier)}.`,
    `If it is the load: \`ragscale recommend --explain ${tier}\` says what more replicas would change.`,
  )
}
