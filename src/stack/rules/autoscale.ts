/** What a tier follows has to be able to reach the target that it is held to. */
import { scalingOf } from '../../catalog/catalog.ts'
import { normalise } from '../normalise.ts'
import { scaledTiers } from '../stack.ts'
import { formatDuration } from '../units.ts'
import { type Rule, type RuleFinding, error } from './rule.ts'

export const autoscaleCanTrigger: Rule = (shape) => {
  const stack = normalise(shape, '/')
  return scaledTiers.flatMap((name): RuleFinding[] => {
    const written = shape.tiers[name]
    if (written?.autoscale === undefined || written.component === 'openai') return []
    const at = `tiers.${name}.autoscale`
    const scaling = scalingOf(stack, name)
    if (scaling === null) {
      return [
        error([at, `tiers.${name}.component`], `nothing is known that ${written.component} could follow`),
      ]
    }
    const { target } = written.autoscale
    const { ceiling } = scaling
    if (target === undefined || ceiling === null || target < ceiling) return []
    const shown = (value: number) => (scaling.unit === 'milliseconds' ? formatDuration(value) : String(value))
    const message = `it would never scale: ${scaling.metric} reach ${shown(ceiling)} a replica at most, and the target is ${shown(target)}`
    const keys = [`${at}.target`, `tiers.${name}.maxSequences`, `tiers.${name}`]
    return [error(keys, message, `below ${shown(ceiling)}, such as ${shown(scaling.defaultTarget)}`)]
  })
}
