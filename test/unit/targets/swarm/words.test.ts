import { describe, expect, it } from 'vitest'
import { taskWords } from '../../../../src/targets/swarm/words.ts'
import { model, node } from './swarms.ts'

const service = { image: 'vllm:1', reserved: { cpus: 4, memoryBytes: 2 * 2 ** 30 } }
const words = (error: string, state = 'pending', nodeLabels: readonly string[] = []) =>
  taskWords({ state, error, exitCode: null, node: 'a' }, service, [node('a')], nodeLabels)

describe('why a task does not run, in words', () => {
  it.each([
    [
      'no suitable node (insufficient resources on 2 nodes)',
      'no suitable node: insufficient resources on 2 nodes (it reserves 4 CPUs and 2.0 GiB, and less is left unreserved)',
    ],
    [
      'no suitable node (host-mode port already in use on 1 node)',
      'no suitable node: its port is taken on 1 node',
    ],
    [
      'no suitable node (max replicas per node limit exceed; insufficient resources on 1 node)',
      'no suitable node: one a node is the most, and each has one; insufficient resources on 1 node (it reserves 4 CPUs and 2.0 GiB, and less is left unreserved)',
    ],
    ['no suitable node', 'no suitable node: none is ready'],
    ['task: non-zero exit (1)', 'it ended with exit 1'],
    [
      'task: non-zero exit (137): dockerexec: unhealthy container',
      'its health check failed, and it was ended for that',
    ],
    ['No such image: vllm:1', 'a has no image vllm:1, and no registry gave it: push it, or load it there'],
    ['something new', 'something new'],
  ])('%s', (error, expected) => expect(words(error)).toBe(expected))

  it('names the label that no node has, with the command that gives it', () => {
    const error = 'no suitable node (scheduling constraints not satisfied on 1 node)'
    expect(words(error, 'pending', ['ragscale.vector-1'])).toBe(
      'no suitable node: no node is labelled for it: docker node update --label-add ragscale.vector-1=true <node>',
    )
    expect(words(error)).toBe('no suitable node: its placement constraints fit none on 1 node')
  })

  it('names the node that is labelled for it and takes no tasks, and why', () => {
    const error =
      'no suitable node (scheduling constraints not satisfied on 1 node; 1 node not available for new tasks)'
    const away = (why: string) => ({ ...node('b', { data: 'true' }), ready: false, away: why })
    const said = (why: string) =>
      taskWords(
        { state: 'pending', error, exitCode: null, node: null },
        service,
        [node('a'), away(why)],
        ['data'],
      )
    expect(said('drained')).toBe(
      'no suitable node: b, labelled for it, is drained: docker node update --availability active b   gives it tasks again',
    )
    expect(said('down')).toBe('no suitable node: b, labelled for it, is down: start its engine again')
  })

  it('counts the GPUs that it reserves and those that nodes declare', () => {
    const error = 'no suitable node (insufficient resources on 2 nodes)'
    const reserved = { cpus: 4, memoryBytes: 2 ** 30, gpus: 4 }
    const said = (...gpus: number[]) =>
      taskWords(
        { state: 'pending', error, exitCode: null, node: null },
        { ...service, reserved },
        gpus.map((count, index) => ({ ...node(`n${index}`), gpus: count })),
      )
    expect(said(0, 0)).toContain(
      'it reserves 4 GPUs and 4 CPUs and 1.0 GiB, and no node declares GPUs: deploy/swarm/README.md says how',
    )
    expect(said(2, 0)).toContain('and no node declares more than 2')
    expect(said(8, 0)).toContain('and less is left unreserved')
  })

  it('has nothing to say of one that runs', () => {
    expect(words('', 'running')).toBeNull()
  })
})

describe('what is wanted, as docker stack config says it', () => {
  it('is deployed by a document that keeps every field, and is not interpolated a second time', () => {
    const document = JSON.parse(model().document) as {
      services: Record<
        string,
        { command?: string[]; configs?: unknown; deploy: { labels: Record<string, string> } }
      >
      configs: Record<string, { file: string }>
    }
    expect(document.services['embed']?.command).toEqual(['price: $$5'])
    expect(document.services['embed']?.configs).toEqual([
      { source: 'embed-config.json', target: '/etc/ragscale/config.json' },
    ])
    expect(document.configs['embed-config.json']?.file).toBe(
      '/stacks/handbook/deploy/swarm/embed/config.json',
    )
    for (const { deploy } of Object.values(document.services))
      expect(deploy.labels).toMatchObject({
        'com.ragscale.stack': 'handbook',
        'com.ragscale.configuration': expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      })
  })

  it('has the same fingerprint for another count, and another for another configuration', () => {
    const of = (about: Parameters<typeof model>[0]) =>
      model(about).services.find(({ name }) => name === 'embed')?.fingerprint
    expect(of({ embed: 5 })).toBe(of({}))
    expect(of({ config: 'bbbb' })).not.toBe(of({}))
    expect(of({ image: 'ragscale:2' })).not.toBe(of({}))
  })
})
