import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changeWords, groupWords } from '../../../../src/targets/kubernetes/change-words.ts'
import { driftOf } from '../../../../src/targets/kubernetes/drift.ts'
import { changesBetween, fieldChanges, objectsIn } from '../../../../src/targets/kubernetes/manifest.ts'
import type { KubeObject } from '../../../../src/targets/kubernetes/objects.ts'
import { deploymentNamed } from './cluster-objects.ts'

const service: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'handbook-embed' } }

describe('what a manifest changes', () => {
  test('a field inside a container is named by the container, not by its place in the list', () => {
    const [change] = changesBetween(
      [deploymentNamed('handbook-embed', 2)],
      [deploymentNamed('handbook-embed', 3, {}, 'tei:2')],
    )
    expect(change === undefined ? '' : changeWords(change)).toBe(
      'change Deployment handbook-embed (spec.replicas 2 → 3; spec.template.spec.containers[server].image tei:1 → tei:2)',
    )
  })

  test('objects come, go and stay', () => {
    const deployment = deploymentNamed('handbook-embed', 2)
    const changes = changesBetween([service], [deployment])
    expect(changes.map(({ kind, object }) => `${kind} ${object.kind}`)).toEqual([
      'made Deployment',
      'removed Service',
    ])
    expect(changesBetween([service, deployment], [deployment, service])).toEqual([])
  })

  test('another version of the same API is the same object', () => {
    const older = { ...deploymentNamed('handbook-embed', 2), apiVersion: 'apps/v1beta1' }
    const [change] = changesBetween([older], [deploymentNamed('handbook-embed', 2)])
    expect(change?.kind).toBe('changed')
  })

  test('a Secret shows which of its values differ, and never what they are', () => {
    const secret = (value: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { key: value },
    })
    const [change] = changesBetween([secret('b2xk')], [secret('bmV3')])
    expect(change === undefined ? '' : changeWords(change)).toBe('change Secret s (data.key)')
  })

  test('what is too long to read is named alone, and many fields are counted', () => {
    const map = (value: string, count: number) => ({
      ...service,
      data: Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, value])),
    })
    const [change] = changesBetween([map('a', 8)], [map('b\nc', 8)])
    expect(change === undefined ? '' : changeWords(change)).toBe(
      'change Service handbook-embed (data.f0; data.f1; data.f2; data.f3; data.f4; data.f5; 2 more)',
    )
  })

  test('what is made is counted by kinds', () => {
    const objects = [
      deploymentNamed('handbook-embed', 2),
      service,
      { ...service, metadata: { name: 'other' } },
    ]
    expect(groupWords('make', 'embed', objects)).toBe('make embed: Deployment (2 replicas), 2 Services')
  })

  test('an object differs from itself in nothing, and from any other in at least one field that both tell of', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(fieldChanges(a, structuredClone(a))).toEqual([])
        const changes = fieldChanges(a, b)
        expect(changes.length === 0).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)))
        expect(fieldChanges(b, a)).toHaveLength(changes.length)
      }),
    )
  })

  test("Helm's output is read document by document", () => {
    expect(
      objectsIn('---\n# Source: a\napiVersion: v1\nkind: Service\nmetadata: { name: handbook-embed }\n---\n'),
    ).toEqual([service])
    expect(objectsIn('')).toEqual([])
  })
})

describe('what somebody has changed on the cluster', () => {
  const deployed = [deploymentNamed('handbook-embed', 2), service]
  const live = (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, namespace: 'rag', resourceVersion: '7' },
  })

  test('nothing, where all is there with what the cluster adds by itself', () => {
    expect(driftOf(deployed, deployed.map(live))).toEqual([])
  })

  test('an object that is gone, a count and an image', () => {
    const other = live(deploymentNamed('handbook-embed', 0, {}, 'tei:mine'))
    const [changed, gone] = driftOf(deployed, [other])
    expect(changed === undefined ? '' : changeWords(changed)).toBe(
      'change Deployment handbook-embed (spec.replicas 0 → 2; spec.template.spec.containers[server].image tei:mine → tei:1)',
    )
    expect(gone).toMatchObject({ kind: 'made', object: { kind: 'Service' } })
  })

  test('a count that an autoscaler decides is its own', () => {
    const autoscaled = deploymentNamed('handbook-embed', undefined)
    expect(driftOf([autoscaled], [live(deploymentNamed('handbook-embed', 7))])).toEqual([])
  })
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
