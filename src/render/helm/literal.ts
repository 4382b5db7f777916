/**
 * A text that a container is to see as it is. Kubernetes takes `$(NAME)` in a command, an argument or an environment
 * variable for a variable, and `$$` for an escaped `$` (API reference, `Container.args`); probes are left alone.
 */
export function literal(text: string): string {
  return text.replaceAll(/\$(?=[$(])/g, '$$$$')
}
