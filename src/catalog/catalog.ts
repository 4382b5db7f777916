import { ExitCode, UserError } from '../errors.ts'
import type { Emulation, ReplicaTierName, Stack, Tier } from '../stack/stack.ts'
import { cadvisor } from './cadvisor/component.ts'
import { collector } from './collector/component.ts'
import { type Component, type Timing, unknownTiming } from './component.ts'
import { dcgm } from './dcgm/component.ts'
import { grafana } from './grafana/component.ts'
import { envoy } from './envoy/component.ts'
import { haproxy } from './haproxy/component.ts'
import { jaeger } from './jaeger/component.ts'
import { nginx } from './nginx/component.ts'
import { ollama } from './ollama/component.ts'
import { openai } from './openai/component.ts'
import { openWebui } from './open-webui/component.ts'
import { postgres } from './postgres/component.ts'
import { prometheus } from './prometheus/component.ts'
import { qdrant } from './qdrant/component.ts'
import { memory, redis } from './redis/component.ts'
import { reference } from './reference/component.ts'
import type { Scaling } from './scaling.ts'
import type { SignalSources } from './signals.ts'
import { tei } from './tei/component.ts'
import { tgi } from './tgi/component.ts'
import { vllm } from './vllm/component.ts'

export const components: readonly Component[] = [
  reference,
  tei,
  qdrant,
  vllm,
  tgi,
  ollama,
  openai,
  redis,
  memory,
  nginx,
  haproxy,
  envoy,
  postgres,
  openWebui,
  prometheus,
  grafana,
  collector,
  jaeger,
  dcgm,
  cadvisor,
]

/** Undefined when no component has that name. */
export function componentNamed(name: string): Component | undefined {
  return components.find((component) => component.name === name)
}

/** What the replicas of a tier follow; null where there is no such tier, or nothing is known that they could follow. */
export function scalingOf(stack: Stack, name: ReplicaTierName): Scaling | null {
  const tier = stack.tiers[name]
  return tier === undefined ? null : (componentNamed(tier.component)?.scaling?.(tier, stack) ?? null)
}

/** The tiers that the local target emulates; the others are servers of ours that run for real. */
export const emulatedTiers = ['embed', 'vector', 'rerank', 'generate'] as const satisfies readonly Tier[]
export type EmulatedTier = (typeof emulatedTiers)[number]

/** How a tier of the stack is timed when it is emulated: as `emulate:` says, else as the catalogue does. */
export function timingOf(tiers: Stack['tiers'], name: EmulatedTier): Timing {
  const tier = tiers[name]
  if (tier === undefined) return unknownTiming('', `there is no tier ${name}`)
  if (tier.emulate !== undefined) return tier.emulate
  const timing = componentNamed(tier.component)?.timing
  return timing?.(tier) ?? unknownTiming('component', 'no timing is known for this component')
}

/**
 * TEI's own port is root's on clusters that do not say otherwise (`net.ipv4.ip_unprivileged_port_start`), and an
 * emulator is not root.
 */
const rehearsedTei: Component = { ...tei, ports: { http: 8080 } }

/** Whose protocol an emulator of the tier speaks, with its metrics and on its ports as far as these need no root. */
const standIns: Readonly<Record<EmulatedTier, Component>> = {
  embed: rehearsedTei,
  vector: qdrant,
  rerank: rehearsedTei,
  generate: vllm,
}

/** What answers for a tier: the component that it names, or in a rehearsal what the tier's emulator is one of. */
export function servingComponent(stack: Stack, tier: Tier): Component | undefined {
  const named = stack.tiers[tier]?.component
  if (named === undefined) return undefined
  return stack.rehearse && isEmulated(tier) ? standIns[tier] : componentNamed(named)
}

/** What a replica of the tier says of its load, and where; empty where nothing is known of it. */
export function signalsOf(stack: Stack, tier: string): SignalSources {
  const isStoodIn = (stack.rehearse || stack.target === 'local') && isEmulated(tier)
  const named = Object.hasOwn(stack.tiers, tier) ? stack.tiers[tier as Tier]?.component : undefined
  const component = isStoodIn ? standIns[tier] : componentNamed(named ?? '')
  const observed = component?.observed
  return (typeof observed === 'function' ? observed(tier, stack) : observed)?.signals ?? {}
}

export function isEmulated(tier: string): tier is EmulatedTier {
  return (emulatedTiers as readonly string[]).includes(tier)
}

/** As `timingOf`; throws a UserError (exit 2) when nothing is known, which a loaded local stack has been checked for. */
export function emulationOf(tiers: Stack['tiers'], name: EmulatedTier): Emulation {
  const timing = timingOf(tiers, name)
  if (timing.model !== 'unknown') return timing
  throw new UserError(`tiers.${name}.${timing.key}: ${timing.because}`, {
    hint: `Give the timing yourself: tiers.${name}.emulate (docs/configuration.md).`,
    exitCode: ExitCode.usage,
    code: 'config',
  })
}
