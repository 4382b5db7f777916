/** What the next release is to be: from flags to changes of `ragscale.yaml`, and to the stack that it then is. Pure. */
import { isEmulated } from '../../catalog/catalog.ts'
import { providerOf } from '../../catalog/provided.ts'
import { ExitCode, UserError } from '../../errors.ts'
import { parseAssignment } from '../../stack/assignment.ts'
import { ConfigError } from '../../stack/problems.ts'
import { type Change, applyChanges } from '../../stack/save.ts'
import { type ReplicaTier, type SplitTier, type Stack, splitTiers } from '../../stack/stack.ts'

export interface AskedVersion {
  readonly image?: string | undefined
  readonly model?: string | undefined
  /** Other keys of the tier: `gpu=L40S`. */
  readonly set: readonly string[]
}

export interface Version {
  readonly edits: readonly Change[]
  /** `image registry.example/vllm:v0.31.0, gpu L40S` */
  readonly words: string
}

/** @throws UserError (exit 2) for a tier of which no two versions can serve at once */
export function splitTierOf(name: string, stack: Stack): SplitTier {
  const tier = splitTiers.find((tier) => tier === name)
  if (tier === undefined) throw usage(...notSplit(name))
  if (stack.tiers[tier] === undefined) {
    const has = splitTiers.filter((other) => stack.tiers[other] !== undefined)
    throw usage(`${stack.name} has no tier ${tier}`, `it has ${has.join(', ')}`)
  }
  if (stack.target === 'external' || providerOf(stack, tier) !== undefined) {
    throw usage(`somebody else runs ${tier}: ragscale cannot run another version of it`)
  }
  return tier
}

function notSplit(name: string): [message: string, hint: string] {
  switch (name) {
    case 'vector':
      return [
        'the nodes of a vector cluster hold its data: two versions of it cannot stand side by side',
        'change its image in ragscale.yaml; ragscale up then replaces one node after another',
      ]
    case 'worker':
      return [
        'no load test sends documents to a worker, so two versions of it cannot be compared under load',
        'change its image in ragscale.yaml; ragscale up then replaces its replicas',
      ]
    default:
      return [
        `there is no tier ${name} of which two versions can serve at once`,
        `tiers: ${splitTiers.join(', ')}`,
      ]
  }
}

/** @throws UserError (exit 2) when nothing is to change, or something that a rollout does not change */
export function versionOf(tier: SplitTier, component: string, { image, model, set }: AskedVersion): Version {
  const given: Change[] = [
    ...(image === undefined ? [] : [{ path: 'image', value: image }]),
    ...(model === undefined ? [] : [{ path: 'model', value: model }]),
    ...set.map(parseAssignment).map(({ path, value }) => ({ path: withoutTier(path, tier), value })),
  ]
  if (given.length === 0) {
    throw usage(
      'nothing says what the next version is',
      `try --image NAME:TAG, --model NAME, or --set gpu=L40S`,
    )
  }
  for (const { path } of given) {
    if (/^(replicas|autoscale|component)\b/.test(path)) {
      throw usage(
        `tiers.${tier}.${path} is no version of ${tier}`,
        'change it in ragscale.yaml and run ragscale up; ragscale scale changes counts',
      )
    }
    if (component === 'ollama' && path === 'model') {
      throw usage(
        'Ollama serves a model by its own name only, and the gateway asks for the one that is there',
        'change it in ragscale.yaml and run ragscale up',
      )
    }
    if (tier === 'embed' && path === 'model') {
      throw usage(
        'another embedding model makes other vectors: what it finds in today’s collection means nothing',
        'make a second collection with it (another tiers.vector.collection.name, then ragscale ingest), and compare answers before latencies',
      )
    }
  }
  return {
    edits: given.map(({ path, value }) => ({ path: `tiers.${tier}.${path}`, value })),
    words: given.map(({ path, value }) => `${path} ${valueWords(value)}`).join(', '),
  }
}

/** Why both versions of it run the same, where images change alone and this tier runs none of its own; null: they do not. */
export function whySame(edits: readonly Change[], tier: SplitTier, stack: Stack): string | null {
  if (!edits.every(({ path }) => path === `tiers.${tier}.image`)) return null
  const why =
    stack.target === 'local'
      ? 'local runs no images'
      : stack.rehearse && isEmulated(tier)
        ? `with rehearse: true an emulator runs in place of ${tier}’s image`
        : null
  return why === null ? null : `${why}: this rehearses the rollout, with two versions that are the same`
}

function withoutTier(path: string, tier: SplitTier): string {
  const prefix = `tiers.${tier}.`
  if (path.startsWith(prefix)) return path.slice(prefix.length)
  if (!path.startsWith('tiers.')) return path
  throw usage(`--set ${path} is not of ${tier}`, 'a rollout changes one tier at a time')
}

function valueWords(value: unknown): string {
  if (value === undefined) return 'taken out'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The stack with the next version in the place of the current one. @throws ConfigError (exit 2) where that is none */
export function promoted(text: string, edits: readonly Change[], now: Stack, cwd: string): Stack {
  const { stack } = applyChanges(text, edits, now.file, cwd)
  return { ...stack, target: now.target }
}

/** How many replicas of the next version one at a share of the requests needs to be loaded as one of the current. */
export function replicasAt(share: number, replicas: number): number {
  if (share >= 100) return replicas
  return Math.min(replicas, Math.max(1, Math.ceil((replicas * share) / (100 - share))))
}

/**
 * Both versions at once. Whoever asks the tier goes on naming the model that was there: the next version answers to
 * that name too.
 * @param now what else runs; also the promoted stack, when only its second version is still to go
 */
export function splitOf(
  now: Stack,
  { before, next }: { readonly before: Stack; readonly next: Stack },
  tier: SplitTier,
  replicas: number,
  share: number,
): Stack {
  const { model } = tierOf(before, tier)
  const version = tierOf(next, tier)
  const alsoServes = tier === 'generate' && model !== undefined && model !== version.model ? [model] : null
  return {
    ...now,
    split: { tier, version: { ...version, replicas, ...(alsoServes && { alsoServes }) }, share },
  }
}

export function tierOf(stack: Stack, tier: SplitTier): ReplicaTier {
  const found = stack.tiers[tier]
  if (found === undefined) throw new Error(`${stack.name} has no tier ${tier}`)
  return found
}

/**
 * Both versions at their most have to be within `limits.gpus`.
 * @throws UserError (exit 2)
 */
export function assertRoomForBoth(text: string, now: Stack, next: Stack, tier: SplitTier, cwd: string): void {
  const both = tierOf(now, tier).replicas + tierOf(next, tier).replicas
  try {
    applyChanges(text, [{ path: `tiers.${tier}.replicas`, value: both }], now.file, cwd)
  } catch (error) {
    const gpus = error instanceof ConfigError && error.problems.find(({ key }) => key === 'limits.gpus')
    if (!gpus) return
    throw usage(
      `while two versions of ${tier} run, ${gpus.message}`,
      'raise limits.gpus for as long as the rollout takes, or lower the replicas first: ragscale scale',
    )
  }
}

function usage(message: string, hint?: string): UserError {
  return new UserError(message, {
    ...(hint === undefined ? {} : { hint }),
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}
