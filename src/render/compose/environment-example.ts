/** `.env.example`: what `docker compose` takes from its environment, each with what it is when nobody says it. */
import { profiles, type Topology } from '../topology.ts'
import { publishedPorts } from './ports.ts'
import { tracesVariable } from './service.ts'

export function environmentExample(topology: Topology): string {
  const { workloads } = topology
  const there = profiles.filter((profile) => workloads.some((workload) => workload.profile === profile))
  const collector = workloads.find(({ name }) => name === 'collector')
  return [
    '# Copy to .env beside it and change what is to be otherwise.',
    '',
    ...(there.length === 0
      ? []
      : [
          `# Beside the stack itself: ${there.join(', ')}. Separated by commas.`,
          `COMPOSE_PROFILES=${there[0]}`,
          '',
        ]),
    ...(collector === undefined
      ? []
      : [
          '# Where traces go; with the profile tracing: to the stack’s own collector. Empty: nowhere.',
          `${tracesVariable}=`,
          `# ${tracesVariable}=http://collector:${collector.container.ports['http']}`,
          '',
        ]),
    '# Ports of this machine.',
    ...publishedPorts(topology).map(({ variable, value, what }) => `${variable}=${value}   # ${what}`),
    '',
  ].join('\n')
}
