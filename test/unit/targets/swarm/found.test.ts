import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../../src/targets/docker/engine.ts'
import { findSwarm } from '../../../../src/targets/swarm/found.ts'
import { refuseForeign } from '../../../../src/targets/swarm/refusals.ts'
import { taskWords } from '../../../../src/targets/swarm/words.ts'

const namespace = { 'com.docker.stack.namespace': 'handbook' }
const ours = { ...namespace, 'com.ragscale.stack': 'handbook' }

const service = (name: string, labels: Record<string, string>) => ({
  ID: `id-${name}`,
  Version: { Index: 1 },
  Spec: { Name: `handbook_${name}`, Labels: labels, TaskTemplate: {}, Mode: { Replicated: { Replicas: 1 } } },
})

const task = (name: string, labels: Record<string, string>) => ({
  ID: `task-${name}`,
  ServiceID: `id-${name}`,
  Slot: 1,
  CreatedAt: '2026-11-21T12:00:00Z',
  DesiredState: 'running',
  Spec: { ContainerSpec: { Labels: labels } },
  Status: { State: 'running', Timestamp: '2026-11-21T12:00:05Z' },
})

function engineWith(
  services: readonly object[],
  tasks: readonly object[],
  inspect: () => Promise<object> = async () => ({}),
): Engine {
  const docker = {
    getContainer: () => ({ inspect }),
    listNodes: async () => [],
    listServices: async () => services,
    listTasks: async () => tasks,
  }
  return { docker } as unknown as Engine
}

describe('what of a swarm is a stack’s', () => {
  it('is what has its label, and what a user’s own file added to it', async () => {
    const swarm = await findSwarm(
      engineWith(
        [
          service('embed', ours),
          service('mine', namespace),
          service('x', { 'com.docker.stack.namespace': 'x' }),
        ],
        [task('embed', ours), task('mine', namespace)],
      ),
      'handbook',
      'node-1',
    )
    expect(swarm.services.map(({ name }) => name)).toEqual(['embed', 'mine'])
    expect(swarm.tasks).toHaveLength(2)
    expect(() => refuseForeign('handbook', swarm)).not.toThrow()
  })

  it('is nothing of a stack of the same name that somebody else deployed, which ours does not replace', async () => {
    const swarm = await findSwarm(
      engineWith([service('web', namespace), service('api', namespace)], [task('web', namespace)]),
      'handbook',
      'node-1',
    )
    expect(swarm).toMatchObject({ services: [], tasks: [], foreign: ['handbook_web', 'handbook_api'] })
    expect(() => refuseForeign('handbook', swarm)).toThrow(
      'the swarm has a stack handbook that ragscale did not make: handbook_web, handbook_api',
    )
  })

  it('says of a task on the engine’s own node whether it was killed for want of memory, and of what limit', async () => {
    const killedOn = (node: string) => ({
      ...task('embed', ours),
      NodeID: node,
      Status: {
        State: 'failed',
        Timestamp: '2026-11-21T12:00:05Z',
        Err: 'task: non-zero exit (137)',
        ContainerStatus: { ContainerID: `on-${node}`, ExitCode: 137 },
      },
    })
    const inspected = {
      Id: 'on-node-1',
      Name: '/handbook_embed.1',
      Image: 'sha256:1',
      Config: { Labels: ours, Image: 'ragscale:1' },
      State: { Status: 'exited', ExitCode: 137, OOMKilled: true, StartedAt: '', FinishedAt: '', Error: '' },
      HostConfig: { Memory: 64 * 2 ** 20 },
      NetworkSettings: { Networks: {}, Ports: {} },
      Mounts: [],
    }
    const engine = engineWith(
      [service('embed', ours)],
      [killedOn('node-1'), killedOn('node-2')],
      async () => inspected,
    )
    const swarm = await findSwarm(engine, 'handbook', 'node-1')
    const words = swarm.tasks.map((one) => taskWords(one, swarm.services[0]!, swarm.nodes))
    expect(words).toEqual([
      'it ran out of its memory of 64 MiB and was killed (OOM)',
      'it was killed (exit 137), by hand or for want of memory',
    ])
  })
})
