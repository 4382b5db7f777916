import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Scaling } from '../scaling.ts'
import { vllmScaling } from '../vllm/scaling.ts'

/** As vLLM, by what TGI says of its batch and its queue. */
export function tgiScaling(tier: ReplicaTier, stack: Stack): Scaling {
  return {
    ...vllmScaling(tier, stack),
    query: 'sum(tgi_batch_current_size{job="$job"}) + sum(tgi_queue_size{job="$job"})',
  }
}
