/** What kwok's kubelet says of pods whose image is `faults.test/<fault>`: what a real one says of a container in trouble. */

interface Stage {
  readonly apiVersion: 'kwok.x-k8s.io/v1alpha1'
  readonly kind: 'Stage'
  readonly metadata: { readonly name: string }
  readonly spec: object
}

export type Fault = 'no-such-image' | 'crashes' | 'too-much-memory' | 'never-ready'

/** The image of a container that is to have it. */
export function faultyImage(fault: Fault): string {
  return `faults.test/${fault}:1`
}

/** Who has one is not made ready. */
export const faultyImages: readonly string[] = (
  ['no-such-image', 'crashes', 'too-much-memory', 'never-ready'] as const
).map(faultyImage)

const now = '{{ Now | Quote }}'

const states: Readonly<Record<Fault, { phase: string; restarts: number; state: object; last?: object }>> = {
  'no-such-image': {
    phase: 'Pending',
    restarts: 0,
    state: {
      waiting: {
        reason: 'ImagePullBackOff',
        message:
          'Back-off pulling image "faults.test/no-such-image:1": ErrImagePull: failed to resolve reference "faults.test/no-such-image:1": faults.test/no-such-image:1: not found',
      },
    },
  },
  crashes: {
    phase: 'Running',
    restarts: 5,
    state: {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: 'back-off 2m40s restarting failed container=embed pod=embed',
      },
    },
    last: { terminated: { exitCode: 1, reason: 'Error', startedAt: 'NOW', finishedAt: 'NOW' } },
  },
  'too-much-memory': {
    phase: 'Running',
    restarts: 3,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
    last: { terminated: { exitCode: 137, reason: 'OOMKilled', startedAt: 'NOW', finishedAt: 'NOW' } },
  },
  'never-ready': { phase: 'Running', restarts: 0, state: { running: { startedAt: 'NOW' } } },
}

export const faultStages: readonly Stage[] = (Object.keys(states) as Fault[]).map((fault) => ({
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'Stage',
  metadata: { name: `fault-${fault}` },
  spec: {
    resourceRef: { apiGroup: 'v1', kind: 'Pod' },
    selector: {
      matchExpressions: [
        { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
        { key: '.status.phase', operator: 'In', values: ['Pending'] },
        { key: '.spec.containers.[0].image', operator: 'In', values: [faultyImage(fault)] },
        // Said once.
        { key: '.status.containerStatuses.[0].name', operator: 'DoesNotExist' },
      ],
    },
    next: { statusTemplate: statusOf(fault) },
  },
}))

function statusOf(fault: Fault): string {
  const { phase, restarts, state, last } = states[fault]
  const timed = (value: object) => JSON.stringify(value).replaceAll('"NOW"', now)
  return `
phase: ${phase}
startTime: ${now}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: ${now} }
- { type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: ${now} }
- { type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: ${now} }
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: ${fault === 'never-ready'}
  restartCount: ${restarts}
  state: ${timed(state)}
  ${last === undefined ? '' : `lastState: ${timed(last)}`}
{{ end }}
`
}
