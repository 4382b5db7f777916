import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../../src/targets/docker/engine.ts'
import { findSwarm } from '../../../../src/targets/swarm/found.ts'
import { refuseForeign } from '../../../../src/targets/swarm/refusals.ts'

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

function engineWith(services: readonly object[], tasks: readonly object[]): Engine {
  const docker = {
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
})
