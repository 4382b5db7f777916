import { type Rule, error } from './rule.ts'

/** The stack's name begins every Service's on Kubernetes. */
export const noServiceIsNamedVllm: Rule = ({ name }) =>
  name === 'vllm'
    ? [
        error(
          ['name'],
          'on Kubernetes it names a Service, whose variables (VLLM_PORT …) vLLM would take for its own settings',
          'any other name',
        ),
      ]
    : []
