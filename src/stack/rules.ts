/** Rules across the keys of a file whose values are right one by one. */
import { endpointsAreWhole, externalTakesEndpoints } from './rules/endpoints.ts'
import type { Rule, RuleFinding } from './rules/rule.ts'
import { slosAreOfWhatThereIs, slosAreSetOnce, slosRise } from './rules/slo.ts'
import {
  collectionFitsItsCluster,
  countsAreWithinLimits,
  generationFits,
  lawsHaveTheirNumbers,
  localIsTimed,
  tiersNeedEachOther,
} from './rules/tiers.ts'
import type { StackShape } from './schema.ts'

const rules: readonly Rule[] = [
  externalTakesEndpoints,
  tiersNeedEachOther,
  collectionFitsItsCluster,
  generationFits,
  lawsHaveTheirNumbers,
  localIsTimed,
  slosAreOfWhatThereIs,
  slosAreSetOnce,
  slosRise,
  countsAreWithinLimits,
  endpointsAreWhole,
]

export function applyRules(shape: StackShape): RuleFinding[] {
  return rules.flatMap((rule) => rule(shape))
}
