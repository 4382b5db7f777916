/** Whether a release answers through the balancer: its replicas may be healthy before the balancer knows of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveSeconds } from '../../catalog/balancing.ts'
import { servingComponent } from '../../catalog/catalog.ts'
import { type Release, releaseHeader } from '../../catalog/releases.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { EndpointName, SplitTier } from '../../stack/stack.ts'
import type { Observed } from '../../targets/target.ts'
import { connectTo } from '../connection.ts'
import type { RolloutRun } from './run.ts'

const endpointOf: Readonly<Record<SplitTier, EndpointName>> = {
  gateway: 'pipeline',
  embed: 'embed',
  rerank: 'rerank',
  generate: 'generate',
}

const everyMs = 200
const patienceMs = 60_000

/**
 * Waits until a release, by the balancer's own word, has answered for as long as the balancer may still go by an old
 * list of replicas; ours is told by the supervisor and has none. @throws UserError (exit 4) when it does not
 */
export async function untilReached(run: RolloutRun, release: Release, observed: Observed): Promise<void> {
  const { context, state, versions } = run
  const component = servingComponent(release === 'next' ? versions.next : versions.now, state.tier)
  const connection = await connectTo(context.target, observed)
  try {
    const url = connection.endpoints[endpointOf[state.tier]]?.[0]
    // Routes into a cluster let no health checks in.
    const path = state.tier === 'gateway' ? '/query' : (component?.healthPath ?? null)
    if (url === undefined || path === null) return
    const settleMs = context.target.name === 'local' ? 0 : (resolveSeconds + 1) * 1000
    let [waitedMs, answeredMs] = [0, -1]
    while (answeredMs < settleMs) {
      if (waitedMs > patienceMs) throw notReached(release, state.tier)
      if (await answers(`${url}${path}`, release)) answeredMs = answeredMs < 0 ? 0 : answeredMs + everyMs
      else answeredMs = -1
      if (answeredMs >= settleMs) return
      await sleep(everyMs, undefined, { signal: context.signal })
      waitedMs += everyMs
    }
  } finally {
    await connection.close()
  }
}

async function answers(url: string, release: Release): Promise<boolean> {
  try {
    const response = await fetch(url, {
      headers: { [releaseHeader]: release },
      signal: AbortSignal.timeout(5_000),
    })
    await response.arrayBuffer()
    // A balancer that has not taken the split up yet sends everything to the current release, and says nothing.
    // What a replica thinks of the question does not matter here, only that it was asked.
    return response.status < 500 && response.headers.get(releaseHeader) === release
  } catch {
    return false
  }
}

function notReached(release: Release, tier: string): UserError {
  return new UserError(
    `the replicas of the ${release} version of ${tier} are healthy, and the balancer does not reach them`,
    {
      hint: 'ragscale logs balancer',
      exitCode: ExitCode.unhealthy,
      code: 'not-reached',
    },
  )
}
