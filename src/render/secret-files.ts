/** How software that reads no file gets its secrets where they come as files: on every target that runs containers. */
import type { Container } from '../catalog/container.ts'
import { secretPath } from '../catalog/secrets.ts'

/**
 * What a container runs in place of its image's entrypoint and command; null: what the image says. A shell exports
 * the secrets that must be in the environment and becomes the program (`exec`), so that it is process 1 and gets the
 * signals. `$` is meant literally: Compose wants it doubled, Kubernetes before a parenthesis.
 * @throws Error for a container that must have a value in its environment and says no command
 */
export function startCommand(
  container: Container,
): { entrypoint: readonly string[]; command: readonly string[] } | null {
  const { command, args = [], secrets } = container
  const exported = secrets.flatMap(({ name, valueEnv, optional = false }) => {
    if (valueEnv === undefined) return []
    const path = secretPath(name)
    const line = `${valueEnv}="$(cat ${path})" && export ${valueEnv}`
    return [optional ? `{ [ ! -s ${path} ] || { ${line}; }; }` : line]
  })
  if (exported.length === 0) return command === undefined ? null : { entrypoint: command, command: args }
  if (command === undefined) {
    throw new Error(
      `${container.image.reference} takes a secret in its environment, so its folder must say its command`,
    )
  }
  return {
    entrypoint: ['/bin/sh', '-c', `${exported.join(' && ')} && exec "$0" "$@"`, ...command],
    command: args,
  }
}
