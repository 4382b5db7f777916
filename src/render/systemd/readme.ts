import { version } from '../../catalog/reference/service.ts'
import type { Templates } from '../rendered.ts'
import type { HostService } from './host-service.ts'

/** How the units are installed on a host. Throws an Error where the template names something that there is not. */
export function readme(services: readonly HostService[], templates: Templates): string {
  const text = templates.get('systemd/README.md')
  if (text === undefined) throw new Error('there is no template systemd/README.md')
  const instances = services.flatMap(({ name, ports }) =>
    ports.map((port) => ({ unit: `ragscale-${name}@${port}`, port })),
  )
  const secrets = new Set(services.flatMap((service) => service.secrets.map(({ name }) => name)))
  const values: Readonly<Record<string, string>> = {
    version,
    units: services.map(({ name }) => `ragscale-${name}@.service`).join(' '),
    configs: services.map(({ name }) => `${name}.json`).join(' '),
    secrets: [...secrets].map(secretLine).join('\n') || '# This stack has none.',
    instances: instances.map(({ unit }) => unit).join(' '),
    ready: instances.map(({ port }) => ask(String(port))).join('\n'),
    restart: [
      `for unit in ${instances.map(({ unit }) => unit).join(' ')}; do`,
      '  systemctl restart "$unit"',
      `  ${ask('${unit#*@}')}`,
      'done',
    ].join('\n'),
    environments: services
      .map(({ name }) => `install -m 0644 ${name}.env.example /etc/ragscale/${name}.env`)
      .join('\n'),
    port: String(instances[0]?.port),
  }
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`systemd/README.md names ${name}, which nothing gives`)
    return value
  })
}

/** Waits for half a minute. */
function ask(port: string): string {
  return `curl -fsS --retry 30 --retry-delay 1 --retry-all-errors "http://127.0.0.1:${port}/readyz"`
}

function secretLine(name: string): string {
  return `systemd-ask-password --timeout=0 'ragscale ${name}:' | install -m 0600 /dev/stdin /etc/ragscale/secrets/${name}`
}
