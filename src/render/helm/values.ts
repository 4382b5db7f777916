/** values.yaml: what a release of the chart is told, with the reason for each number. */
import { balancerPorts } from '../../catalog/container.ts'
import { secretsOfStack } from '../compose/secrets.ts'
import { said, section, type Tree, type TreeMap, yamlText } from '../compose/document.ts'
import type { Topology, Workload } from '../topology.ts'
import { networkValues } from './network-values.ts'
import { quotaValues } from './quota-values.ts'
import { anyAutoscaled } from './scaling-values.ts'
import { storageValues } from './storage-values.ts'
import { jobValues, tierValues } from './workload-values.ts'

export function valuesText(topology: Topology): string {
  return yamlText(valuesOf(topology))
}

function valuesOf(topology: Topology): TreeMap {
  const { stack, workloads } = topology
  const tiers = workloads.filter(({ kind }) => kind !== 'job')
  const jobs = workloads.filter(({ kind }) => kind === 'job')
  return {
    stack: stack.name,
    nameOverride: '',
    fullnameOverride: '',
    imageRegistry: said('Put before the name of every image, as with a mirror of your own.', ''),
    imagePullSecrets: [],
    cluster: section('', {
      domain: 'cluster.local',
      dns: said(
        'The DNS server, by a name that the balancer asks when it starts.',
        'kube-dns.kube-system.svc.cluster.local',
      ),
    }),
    limits: section('As in ragscale.yaml; values that go beyond are refused.', {
      replicas: stack.limits.replicas,
      gpus: stack.limits.gpus,
    }),
    secrets: secretsValues(topology),
    pods: podsValues,
    gpus: gpuValues,
    storage: section('Volumes that outlive pods.', storageValues(topology)),
    prefetch: section('Models are fetched before a server starts, by an init container of each replica.', {
      enabled: true,
      job: said(
        'And by a job at once, without a GPU: while machines with GPUs are still being brought up.',
        true,
      ),
    }),
    vector: section(
      'own: the StatefulSet of this chart. official: Qdrant’s own chart, released by itself with ../qdrant-values.yaml.',
      {
        mode: 'own',
        host: said('Of the official release: its Service.', `${stack.name}-qdrant`),
        pods: said('Of the official release: its pods, for the network policies.', [
          {
            podSelector: {
              matchLabels: { app: 'qdrant', 'app.kubernetes.io/instance': `${stack.name}-qdrant` },
            },
          },
        ]),
      },
    ),
    autoscaling: autoscalingValues(topology),
    routing: routingValues,
    networkPolicy: networkValues(),
    monitoring: monitoringValues,
    tracing: section('', {
      endpoint: said(
        "Where traces go, OTLP over HTTP: http://collector.observability:4318. '': nowhere.",
        '',
      ),
    }),
    quota: quotaValues(topology),
    rbac: section('', {
      operators: said('A Role for whoever runs ragscale status, logs and scale here.', {
        enabled: false,
        subjects: [],
      }),
    }),
    balancerPorts: section('On which port the balancer listens for a tier.', { ...balancerPorts }),
    tiers: section(
      tiersWords,
      byName(tiers, (workload) => tierValues(workload, topology)),
    ),
    jobs: section(
      jobsWords,
      byName(jobs, (workload) => jobValues(workload, topology)),
    ),
  }
}

const tiersWords = [
  'What runs. Of each, beside what says itself:',
  'files: path in the container → file of this chart; filesOverride (path → text) puts another in its place.',
  'probes: as Kubernetes has them; the others wait for the startup probe, and a restart (liveness) takes twice as many failures as no requests (readiness).',
  'calls: whom it may call, by the network policies; balanced: tiers, through the balancer.',
  'rollout: of tiers without GPUs; with GPUs one ends before its successor starts, unless gpus.spare.',
  'autoscaling: max is never above limits.replicas, nor all tiers together above limits.gpus; ceiling: the most that one replica can show, so a target above it never scales.',
  'Also: command, extraEnv, podLabels, priorityClassName, runtimeClassName, serviceType, serviceAnnotations.',
].join('\n')

const jobsWords = [
  'What runs to its end, as a Job that a change makes anew.',
  'fetches: the volume that it fills. Its tier runs it as an init container too, and one at a time fetches (flock).',
].join('\n')

function byName(workloads: readonly Workload[], values: (workload: Workload) => Tree): TreeMap {
  return Object.fromEntries(workloads.map((workload) => [workload.name, values(workload)]))
}

function secretsValues(topology: Topology): Tree {
  return section(
    'Never in a file of values. Either a Secret that is there already, or files given at the install: --set secrets.create=true --set-file secrets.values.NAME=FILE.',
    {
      existingSecret: said("'': <release>-ragscale-secrets.", ''),
      create: false,
      values: {},
      names: said(
        'The keys that it has to have.',
        Object.fromEntries(
          secretsOfStack(topology).map(({ name, optional }) => [name, optional ? 'optional' : 'required']),
        ),
      ),
    },
  )
}

const podsValues = section('Of all pods.', {
  labels: {},
  annotations: {},
  nodeSelector: {},
  tolerations: [],
  affinity: {},
  priorityClassName: '',
  user: said('Runs what is not told another; 1000 is the user of the images that name none.', 1000),
  whenUnevenlySpread: said(
    'DoNotSchedule spreads replicas over zones and machines at any price.',
    'ScheduleAnyway',
  ),
})

const gpuValues = section('Of pods that have GPUs.', {
  resource: 'nvidia.com/gpu',
  spare: said(
    'true: a replica starts before the one that it replaces ends, which takes GPUs that are free.',
    false,
  ),
  runtimeClassName: said('Where the cluster needs one: nvidia.', ''),
  nodeSelector: {},
  tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
})

function autoscalingValues({ stack }: Topology): Tree {
  return section('Which tiers follow their load is said with each tier (tiers.<name>.autoscaling).', {
    provider: said(
      'keda: asks Prometheus itself, knows time windows. hpa: needs prometheus-adapter with ../prometheus-adapter-values.yaml. none: replicas as written.',
      anyAutoscaled(stack) ? 'keda' : 'none',
    ),
    prometheus: {
      url: 'http://prometheus-operated.monitoring.svc:9090',
      authentication: said('Of a TriggerAuthentication: { name: … }.', {}),
    },
    pollingSeconds: 15,
    scaleDownSeconds: said('A lull shorter than this changes nothing: a model takes longer to load.', 300),
  })
}

const routingValues = section('How requests come in from outside.', {
  provider: said('none, ingress, gateway-api, istio or linkerd.', 'none'),
  hosts: [],
  annotations: said(
    'Of the Ingress or route. Answers are streams: an ingress controller that buffers has to be told not to.',
    {},
  ),
  timeoutSeconds: said('Of a whole answer.', 600),
  paths: said('Path → which of the gateway’s pools serves it. Metrics and health stay inside.', {
    '/query': 'main',
    '/retrieve': 'retrieve',
    '/generate': 'generate',
  }),
  ingress: { className: '', tlsSecret: '' },
  gateways: said(
    'gateway-api, linkerd: parentRefs, [{ name, namespace, sectionName }]. istio: [{ name, namespace }].',
    [],
  ),
})

const monitoringValues = section('For the Prometheus operator and Grafana.', {
  enabled: said('true, false, or auto: where the cluster knows ServiceMonitors.', 'auto'),
  labels: said('By which the operator’s Prometheus selects, as release: kube-prometheus-stack.', {}),
  interval: '15s',
  dashboards: {
    enabled: true,
    labels: { grafana_dashboard: '1' },
    annotations: {},
  },
})
