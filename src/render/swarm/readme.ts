/** `swarm/README.md`: what a swarm has to be told before this stack can run on it. */
import type { Service } from '../compose/services.ts'
import type { Profile, Topology } from '../topology.ts'
import { labelsNeeded } from './placement.ts'

export function swarmReadme(
  topology: Topology,
  services: readonly Service[],
  profiles: readonly Profile[],
): string {
  const { name } = topology.stack
  return [
    `# ${name} on Docker Swarm`,
    '',
    '`ragscale up` does all of this, and shows it first with `--dry-run`. By hand:',
    '',
    '```sh',
    `docker stack deploy --prune -c stack.yaml ${name}`,
    ...profiles.map(
      (profile) => `docker stack deploy --prune -c stack.yaml -c ${profile}.yaml ${name}   # with ${profile}`,
    ),
    '```',
    '',
    '## Before the first time',
    '',
    ...numbered([
      ['`secrets/README.md` says which secrets to make.'],
      ownImage(topology),
      labelSteps(services),
      gpuSteps(topology),
    ]),
    ...order,
    '',
    ...limits,
    '',
  ].join('\n')
}

/** A numbered list; a step without lines is none. */
function numbered(steps: readonly (readonly string[])[]): string[] {
  return steps
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => [
      ...lines.map((line, at) => (at === 0 ? `${index + 1}. ${line}` : line === '' ? '' : `   ${line}`)),
      '',
    ])
}

function ownImage({ workloads }: Topology): string[] {
  const image = workloads.find(({ container }) => container.image.build !== undefined)?.container.image
    .reference
  if (image === undefined) return []
  return [
    `A swarm builds nothing. Build \`${image}\` from \`../image\` and push it to a registry that every node reaches`,
    '(`export RAGSCALE_REGISTRY=registry.example.com/` when deploying), or load it on every node.',
  ]
}

function labelSteps(services: readonly Service[]): string[] {
  const labels = labelsNeeded(services)
  if (labels.length === 0) return []
  return [
    'Say which node is for what. Data stays on the node where it was written, and a model is fetched by every node',
    'that serves it; so each of these labels goes to the node (for a tier’s replicas: the nodes) that is to have it.',
    'Give the nodes of a cluster to different machines. With one machine only:',
    '',
    '```sh',
    `docker node update ${labels.map((label) => `--label-add ${label}=true`).join(' ')} "$(hostname)"`,
    '```',
  ]
}

function gpuSteps({ workloads }: Topology): string[] {
  const using = workloads.filter(({ kind, container }) => kind === 'replicas' && container.gpus > 0)
  if (using.length === 0) return []
  const all = using.reduce((sum, { count, container }) => sum + count * container.gpus, 0)
  return [
    `${all} GPUs are asked for as generic resources of the kind \`GPU\`. On every node that has some: \`nvidia\` as`,
    'the default runtime and `"node-generic-resources": ["GPU=GPU-<uuid>", …]` in `/etc/docker/daemon.json` (the',
    'identifiers are `nvidia-smi --list-gpus`’s), and `swarm-resource = "DOCKER_RESOURCE_GPU"` in',
    '`/etc/nvidia-container-runtime/config.toml`. Without the last, every container sees every GPU.',
  ]
}

const order = [
  '## What waits for what',
  '',
  'A swarm has no `depends_on`. In its place: every replica is found by DNS only once it is healthy; the balancer asks',
  'DNS again every few seconds and starts without anybody behind it; the `collection` job waits for all Qdrant nodes by',
  'itself; whatever ends because something is not there yet (a Qdrant node without the first, a server without its model)',
  'is started again by its restart policy. Queries fail until the collection is there.',
]

const limits = [
  '## What a swarm does differently',
  '',
  '- It publishes on every address of a node: only the front door is published, by the nodes that run a balancer (one',
  '  each: give it as many replicas as nodes that are to answer). Not by the routing mesh, which hides who asks and cuts',
  '  what was silent for 15 minutes. `stages.yaml` adds the other tiers’ ports for load tests, where nobody else reaches',
  '  the nodes.',
  '- It has no `no-new-privileges`: set `"no-new-privileges": true` in each node’s `/etc/docker/daemon.json`.',
  '- Each Qdrant node is a service, so that it has a name and a volume. A change of what they share replaces all of them',
  '  at once: their data stays, and nobody can search until they are back. For one after another, change them before',
  '  deploying (`docker service update --image … <stack>_vector-1` returns when it is healthy again, then `_vector-2`):',
  '  `docker stack deploy` then finds nothing left to change.',
]
