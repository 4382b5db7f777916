/** The balancers that are rendered, for real: their own programs, on loopback, before servers of the test. */
import { describeBalancer } from './describe-balancer.ts'
import { splitsAndStops } from './own-process.ts'
import { behavesAsABalancer } from './specification.ts'

for (const software of ['nginx', 'haproxy', 'envoy'] as const) {
  await describeBalancer(software, software, (program) => {
    behavesAsABalancer(software, program)
    splitsAndStops(software, program)
  })
}
