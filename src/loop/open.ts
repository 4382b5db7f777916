import { pid } from 'node:process'
import { timingOf, emulatedTiers } from '../catalog/catalog.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { endpointUrls } from '../targets/external/external.ts'
import { externalVersions } from '../targets/external/versions.ts'
import { connectTo } from './connection.ts'
import { openTarget } from '../targets/open.ts'
import type { RunningStack } from './running.ts'

/** What runs of a stack, seen through its target. Says nothing when nothing runs: what is missing is said where it is needed. */
export async function openRunning(stack: Stack, runtime: Runtime): Promise<RunningStack> {
  const target = await openTarget(stack, runtime)
  if (stack.target === 'external') {
    // Not looked at here: nothing of somebody else's is called before the user has said that it may be.
    return {
      urls: endpointUrls(stack),
      emulated: false,
      secrets: {},
      versions: async (called) => await externalVersions(stack, called, runtime.env),
      pid,
      sample: async () => [],
      close: async () => {},
    }
  }
  const observed = await target.observe(stack)
  const connection = await connectTo(target, observed)
  return {
    urls: connection.endpoints,
    emulated:
      (stack.target === 'local' || stack.rehearse) &&
      emulatedTiers.some((tier) => timingOf(stack.tiers, tier).model !== 'unknown'),
    secrets: (await target.secrets?.(stack)) ?? {},
    versions: async () =>
      Object.fromEntries(
        observed.replicas
          .filter(({ replica }) => replica !== 'balancer')
          .map(({ tier, component, version = null }) => [
            tier,
            // What stands in for it says nothing of its version.
            version === null || stack.rehearse ? component : `${component} ${version}`,
          ]),
      ),
    pid,
    sample: () => target.sample(),
    close: async () => await connection.close(),
  }
}
