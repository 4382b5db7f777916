/** Where a cluster is no longer as its release made it: what somebody has removed, scaled or given another image. Pure. */
import { type FieldChange, type ObjectChange, keyOf } from './manifest.ts'
import { type Controller, type KubeObject, isController } from './objects.ts'

/**
 * Only what people change by hand and ragscale answers for. Other fields may differ for good reasons: defaults,
 * webhooks, autoscalers (whose replicas the chart does not name).
 */
export function driftOf(deployed: readonly KubeObject[], live: readonly KubeObject[]): ObjectChange[] {
  const found = new Map(live.map((object) => [keyOf(withoutNamespace(object)), object]))
  return deployed.flatMap((object): ObjectChange[] => {
    const now = found.get(keyOf(withoutNamespace(object)))
    if (now === undefined) return [{ kind: 'made', object, fields: [] }]
    const fields = isController(object) ? fieldsOf(object as Controller, now as Controller) : []
    return fields.length === 0 ? [] : [{ kind: 'changed', object, fields }]
  })
}

function fieldsOf({ kind, spec }: Controller, now: Controller): FieldChange[] {
  // A job's pods cannot be changed.
  if (kind === 'Job') return []
  const counts: FieldChange[] =
    spec.replicas === undefined || spec.replicas === now.spec.replicas
      ? []
      : [{ path: 'spec.replicas', before: now.spec.replicas, after: spec.replicas }]
  const images = spec.template.spec.containers.flatMap(({ name, image }): FieldChange[] => {
    const other = now.spec.template.spec.containers.find((container) => container.name === name)?.image
    const path = `spec.template.spec.containers[${name}].image`
    return other === image ? [] : [{ path, before: other, after: image }]
  })
  return [...counts, ...images]
}

/** A manifest names no namespace; what is on the cluster always has one, or belongs to none. */
function withoutNamespace(object: KubeObject): KubeObject {
  const { namespace: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
