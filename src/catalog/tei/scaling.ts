import type { ReplicaTier } from '../../stack/stack.ts'
import { isCpu } from '../gpus.ts'
import type { Scaling } from '../scaling.ts'
import { maxConcurrent } from './settings.ts'

/**
 * Requests in flight, by Little's law: the time that requests spent inside, a second. `te_queue_size` would be
 * the plain thing to ask for, and has been reported late and wrong.
 */
export function teiScaling(tier: ReplicaTier): Scaling {
  const cpu = isCpu(tier.gpu)
  return {
    metric: 'requests in flight',
    query: 'sum(rate(te_request_duration_sum{job="$job"}[1m]))',
    unit: 'requests',
    defaultTarget: cpu ? 4 : 16,
    ceiling: maxConcurrent,
    because: `one batch computes while the next one gathers; more than ${cpu ? 4 : 16} in flight wait longer than they compute`,
  }
}
