/** On which nodes a pod may run at all, whatever they have left. */
import type { Node, NodeRequirement, Pod, Taint, Toleration } from './objects.ts'

export function isChosen(node: Node, { spec }: Pod): boolean {
  const labels: Readonly<Record<string, string>> = {
    ...node.metadata.labels,
    'metadata.name': node.metadata.name,
  }
  const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  return (
    selected &&
    (terms.length === 0 ||
      terms.some(({ matchExpressions = [] }) => matchExpressions.every((one) => meets(labels, one))))
  )
}

/** `nvidia.com/gpu.product=H100`, as the pod asks for it. */
export function choiceWords({ spec }: Pod): string {
  const selector = Object.entries(spec.nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`)
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const required = terms.map(({ matchExpressions = [] }) =>
    matchExpressions.map(requirementWords).join(' and '),
  )
  return [...selector, ...(required.length === 0 ? [] : [required.join(' or ')])].join(', ')
}

function requirementWords({ key, operator, values = [] }: NodeRequirement): string {
  if (operator === 'Exists') return key
  if (operator === 'DoesNotExist') return `no ${key}`
  if (operator === 'In') return `${key}=${values.join('|')}`
  return `${key} ${operator === 'NotIn' ? 'other than' : operator} ${values.join(', ')}`
}

function meets(
  labels: Readonly<Record<string, string>>,
  { key, operator, values = [] }: NodeRequirement,
): boolean {
  const value = labels[key]
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return Number(value) > Number(values[0])
    case 'Lt':
      return Number(value) < Number(values[0])
    default:
      throw new Error(`no operator of Kubernetes: ${operator}`)
  }
}

/** Taints that keep the pod off; those that only say what the node's conditions say are left to them. */
export function untolerated(node: Node, { spec }: Pod): Taint[] {
  const { taints = [] } = node.spec ?? {}
  return taints.filter(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !taint.key.startsWith('node.kubernetes.io/') &&
      !(spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  )
}

function tolerates({ key, operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false
  if (key === undefined || key === '') return operator === 'Exists'
  return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''))
}

/** `nvidia.com/gpu=present:NoSchedule` */
export function taintWords({ key, value = '', effect }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}:${effect}`
}

export function isCordoned({ spec }: Node): boolean {
  return spec?.unschedulable === true
}

export function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
}
