/** A stack as a Helm chart of its own, with a values file for the official Qdrant chart beside it. */
import { secretsGitignore, secretsOfStack, secretsReadme } from '../compose/secrets.ts'
import type { Rendered, Templates } from '../rendered.ts'
import type { Topology } from '../topology.ts'
import { adapterValues } from './adapter-values.ts'
import { chartText } from './chart.ts'
import { configFiles } from './config-files.ts'
import { qdrantValues } from './qdrant-values.ts'
import { schemaText } from './schema/schema.ts'
import { valuesText } from './values.ts'

/**
 * Files below `helm/`: the chart `helm/ragscale/`, whose templates are ours as they are (templates/helm/) and whose
 * values are the stack's. Rules and dashboards are `renderObservability`'s, in the chart's `files/`.
 * @throws Error when the templates are missing: the installation is broken
 */
export function renderHelm(topology: Topology, templates: Templates): Rendered {
  const files = new Map([...templates].filter(([path]) => path.startsWith('helm/')))
  if (!files.has('helm/ragscale/templates/deployments.yaml')) throw new Error('templates/helm is missing')
  files.set('helm/ragscale/Chart.yaml', chartText(topology))
  files.set('helm/ragscale/values.yaml', valuesText(topology))
  files.set('helm/ragscale/values.schema.json', schemaText())
  files.set('helm/ragscale/.helmignore', '*.override.*\n')
  files.set('helm/secrets/.gitignore', secretsGitignore)
  files.set('helm/secrets/README.md', secretsReadme(secretsOfStack(topology), secretsUse))
  for (const [path, text] of configFiles(topology)) files.set(`helm/ragscale/${path}`, text)
  const qdrant = qdrantValues(topology)
  if (qdrant !== null) files.set('helm/qdrant-values.yaml', qdrant)
  const adapter = adapterValues(topology)
  if (adapter !== null) files.set('helm/prometheus-adapter-values.yaml', adapter)
  return files
}

const secretsUse = [
  'On Kubernetes they are the keys of one Secret, which the chart reads and never makes of a file of values:',
  '`kubectl create secret generic RELEASE-ragscale-secrets --from-file=.` (the file `README.md` does no harm in it).',
  'A changed Secret is read when pods start: `kubectl rollout restart deployment,statefulset -l app.kubernetes.io/instance=RELEASE`.',
].join('\n')
