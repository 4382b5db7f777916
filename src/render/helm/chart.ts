/** Chart.yaml: what the chart is, and of which version. */
import { ownImage } from '../../catalog/reference/service.ts'
import { said, yamlText } from '../compose/document.ts'
import type { Topology } from '../topology.ts'

export function chartText({ stack }: Topology): string {
  // The chart has no version of its own: it is what this version of ragscale renders.
  const version = ownImage().reference.split(':').at(-1) ?? ''
  return yamlText({
    apiVersion: 'v2',
    name: 'ragscale',
    description: `The RAG stack ${stack.name}`,
    type: 'application',
    version,
    appVersion: version,
    kubeVersion: said(
      'preStop sleep is on by default since 1.30; hyphen for the versions of providers (1.34.2-gke.100).',
      '>=1.30.0-0',
    ),
  })
}
