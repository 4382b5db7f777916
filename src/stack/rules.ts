/** Rules across the keys of a file whose values are right one by one. */
import { autoscaleCanTrigger } from './rules/autoscale.ts'
import { keysBelongToTheComponent } from './rules/components.ts'
import { endpointsAreWhole, externalTakesEndpoints } from './rules/endpoints.ts'
import { autoscaleIsWithinBounds, countsAreWithinLimits, gpusAreWithinLimits } from './rules/limits.ts'
import { gpusAreNamed, headsDivide, modelsFitTheirGpus, promptsFit } from './rules/models.ts'
import { noServiceIsNamedVllm } from './rules/names.ts'
import type { Rule, RuleFinding } from './rules/rule.ts'
import { slosAreOfWhatThereIs, slosAreSetOnce, slosRise } from './rules/slo.ts'
import {
  collectionFitsItsCluster,
  emulatedIsTimed,
  lawsHaveTheirNumbers,
  rehearsalHasTiers,
  tiersNeedEachOther,
} from './rules/tiers.ts'
import type { StackShape } from './schema.ts'

const rules: readonly Rule[] = [
  externalTakesEndpoints,
  rehearsalHasTiers,
  noServiceIsNamedVllm,
  tiersNeedEachOther,
  keysBelongToTheComponent,
  collectionFitsItsCluster,
  headsDivide,
  promptsFit,
  gpusAreNamed,
  modelsFitTheirGpus,
  lawsHaveTheirNumbers,
  emulatedIsTimed,
  slosAreOfWhatThereIs,
  slosAreSetOnce,
  slosRise,
  countsAreWithinLimits,
  gpusAreWithinLimits,
  autoscaleIsWithinBounds,
  autoscaleCanTrigger,
  endpointsAreWhole,
]

export function applyRules(shape: StackShape): RuleFinding[] {
  return rules.flatMap((rule) => rule(shape))
}
