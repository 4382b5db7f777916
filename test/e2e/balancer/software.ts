/** What a test changes in each balancer's configuration, and how each is run: nothing but addresses, ports and paths. */
import type { Balancing } from '../../../src/catalog/balancing.ts'
import { statusPort as usualStatusPort } from '../../../src/catalog/balancing.ts'
import type { Component } from '../../../src/catalog/component.ts'
import { drainingScript, envoy } from '../../../src/catalog/envoy/component.ts'
import { adminPort as usualAdminPort, envoyConfig } from '../../../src/catalog/envoy/config.ts'
import { envoyObserved } from '../../../src/catalog/envoy/observed.ts'
import { haproxy } from '../../../src/catalog/haproxy/component.ts'
import { haproxyConfig, statePath, statePort } from '../../../src/catalog/haproxy/config.ts'
import { haproxyObserved } from '../../../src/catalog/haproxy/observed.ts'
import { nginx } from '../../../src/catalog/nginx/component.ts'
import { nginxConfig } from '../../../src/catalog/nginx/config.ts'

export interface Own {
  readonly statusPort: number
  readonly adminPort: number
  readonly dnsPort: number
  readonly folder: string
}

export interface Run {
  readonly program: string
  readonly config: string
  readonly folder: string
  readonly adminPort: number
}

interface Adapted {
  readonly component: Component
  /** Metric → type. */
  readonly exports: Readonly<Record<string, string>>
  readonly write: (balancing: Balancing, own: Own) => string
  readonly command: (run: Run) => readonly string[]
  readonly stopSignal: NodeJS.Signals
  /** What a reload runs in the container first, with these paths and ports; null: nothing, or it never reloads. */
  readonly prepareReload: ((own: Pick<Own, 'adminPort' | 'folder'>) => readonly string[]) | null
  /** A socket in its folder that answers `show proc` once it can be stopped; null: as soon as it serves. */
  readonly masterSocket: string | null
}

const masterSocket = 'master.sock'

export const softwareOf = {
  nginx: {
    component: nginx,
    // stub_status is none of Prometheus' formats.
    exports: {},
    write: (balancing, { statusPort, folder }) =>
      replaced(nginxConfig(balancing), [
        [/ \/tmp\//g, ` ${folder}/`],
        [`listen ${usualStatusPort};`, `listen ${statusPort};`],
        [/listen (\d+)/g, 'listen 127.0.0.1:$1'],
        // The wheel's nginx is built without it.
        ['stub_status;', 'return 204;'],
      ]),
    command: ({ program, config, folder }) => [program, '-p', folder, '-c', config, '-g', 'daemon off;'],
    stopSignal: 'SIGQUIT',
    prepareReload: null,
    masterSocket: null,
  },
  haproxy: {
    component: haproxy,
    exports: haproxyObserved.exports,
    write: (balancing, { statusPort, adminPort, dnsPort, folder }) =>
      replaced(haproxyConfig(balancing), [
        ['parse-resolv-conf', `nameserver test 127.0.0.1:${dnsPort}`],
        ['/tmp/haproxy.sock', `${folder}/haproxy.sock`],
        [`bind :${usualStatusPort}`, `bind :${statusPort}`],
        [/bind :(\d+)/g, 'bind 127.0.0.1:$1'],
        ['127.0.0.1:8404', `127.0.0.1:${adminPort}`],
        [`127.0.0.1:${statePort}`, `127.0.0.1:${ownStatePort(adminPort)}`],
        [statePath, `${folder}/servers`],
      ]),
    command: ({ program, config, folder }) => [
      program,
      '-W',
      '-db',
      '-f',
      config,
      '-S',
      `unix@${folder}/${masterSocket}`,
    ],
    stopSignal: 'SIGUSR1',
    prepareReload: ({ adminPort, folder }) =>
      (haproxy.reload?.prepare ?? []).map((part) =>
        part.includes(statePath)
          ? replaced(part, [
              [`${statePort}`, `${ownStatePort(adminPort)}`],
              [statePath, `${folder}/servers`],
            ])
          : part,
      ),
    // The master executes itself anew when its worker has begun, and drops signals until its own loop runs.
    masterSocket,
  },
  envoy: {
    component: envoy,
    exports: envoyObserved.exports,
    write: (balancing, { statusPort, adminPort, dnsPort }) =>
      replaced(envoyConfig(balancing), [
        ['address: 0.0.0.0', 'address: 127.0.0.1'],
        [`port_value: ${usualStatusPort}`, `port_value: ${statusPort}`],
        [`port_value: ${usualAdminPort}`, `port_value: ${adminPort}`],
        [
          /^( +)dns_resolver_options:/gm,
          `$1resolvers: [{ socket_address: { address: 127.0.0.1, port_value: ${dnsPort} } }]\n$1dns_resolver_options:`,
        ],
      ]),
    command: ({ program, config, adminPort }) => [
      'bash',
      '-c',
      replaced(drainingScript(program, config), [[`/${usualAdminPort} `, `/${adminPort} `]]),
    ],
    stopSignal: 'SIGTERM',
    prepareReload: null,
    masterSocket: null,
  },
} as const satisfies Record<string, Adapted>

export type Software = keyof typeof softwareOf

/** Free where the one before it is, as good as always: both are drawn from the system's range. */
function ownStatePort(adminPort: number): number {
  return adminPort > 60_000 ? adminPort - 1_000 : adminPort + 1_000
}

/** Every change must find something: otherwise it is no longer this configuration that is tested. */
function replaced(text: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    const after = before.replaceAll(from, to)
    if (after === before) throw new Error(`the configuration no longer has ${from}`)
    return after
  }, text)
}
