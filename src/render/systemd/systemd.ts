/** `deploy/systemd/`: template units for the gateway and the worker on plain hosts, an instance a port. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Rendered, Templates } from '../rendered.ts'
import type { Topology } from '../topology.ts'
import { hardening } from './hardening.ts'
import { type HostService, hostService } from './host-service.ts'
import { readme } from './readme.ts'
import { type Line, assignment, literal, unitText } from './unit.ts'

/** Throws a UserError (exit 2) for a stack that has neither. */
export function renderSystemd({ stack, workloads }: Topology, templates: Templates): Rendered {
  const services = workloads.filter(({ name }) => name === 'gateway' || name === 'worker').map(hostService)
  if (services.length === 0) {
    throw new UserError('systemd runs gateways and workers on plain hosts, and this stack has neither.', {
      hint: 'Give the stack one (ragscale.yaml, tiers.gateway), or render another target.',
      exitCode: ExitCode.usage,
      code: 'target',
    })
  }
  return new Map([
    ...services.flatMap((service) => [
      [`systemd/ragscale-${service.name}@.service`, serviceUnit(service, stack.name)] as const,
      [`systemd/${service.name}.json`, service.config] as const,
      [`systemd/${service.name}.env.example`, envExample(service)] as const,
    ]),
    ['systemd/ragscale.target', targetUnit(stack.name)],
    ['systemd/ragscale.slice', sliceUnit(stack.name)],
    ['systemd/README.md', readme(services, templates)],
  ])
}

function serviceUnit({ name, service, secrets, workload }: HostService, stack: string): string {
  const { resources, stop } = workload.container
  return unitText([
    {
      name: 'Unit',
      lines: [
        ['Description', `ragscale ${name} of ${stack}, on port %i`],
        ['Wants', 'network-online.target'],
        ['After', 'network-online.target'],
        ['PartOf', 'ragscale.target'],
        'Five starts that fail within a minute are a fault that a sixth does not cure.',
        ['StartLimitIntervalSec', '60'],
        ['StartLimitBurst', '5'],
      ],
    },
    {
      name: 'Service',
      lines: [
        'The service does not tell systemd when it listens: whoever sends to it asks /readyz.',
        ['Type', 'exec'],
        ['ExecStart', `ragscale-serve ${service}`],
        assignment('RAGSCALE_CONFIG', `/etc/ragscale/${name}.json`),
        assignment('HOST', '127.0.0.1'),
        assignment('PORT', '%i'),
        'Where the other tiers are, and HOST where others than this host call it.',
        ['EnvironmentFile', `/etc/ragscale/${name}.env`],
        ...secretLines(secrets),
        ['Restart', 'on-failure'],
        ['RestartSec', '2'],
        `It drains on SIGTERM: /readyz says 503, then requests in flight end; it is killed after ${stop.graceSeconds} s.`,
        ['KillSignal', 'SIGTERM'],
        ['KillMode', 'mixed'],
        ['TimeoutStopSec', String(stop.graceSeconds)],
        ...resourceLines(resources),
        ['LimitNOFILE', '65536'],
        ...hardening,
      ],
    },
    { name: 'Install', lines: [['WantedBy', 'ragscale.target']] },
  ])
}

/** A copy that only the service can read, in memory; the file itself stays root's. */
function secretLines(secrets: HostService['secrets']): Line[] {
  return secrets.flatMap(({ name, fileEnv }): Line[] => {
    if (fileEnv === undefined) throw new Error(`${name} is given by no file`)
    return [['LoadCredential', `${name}:/etc/ragscale/secrets/${name}`], assignment(fileEnv, `%d/${name}`)]
  })
}

function resourceLines({
  request,
  limit,
  because,
}: HostService['workload']['container']['resources']): Line[] {
  return [
    ['Slice', 'ragscale.slice'],
    literal(because),
    ...(limit.cpus === null ? [] : [['CPUQuota', `${Math.round(limit.cpus * 100)}%`] as const]),
    // Of a host that is short of CPU: 100 is what every other unit has.
    ['CPUWeight', String(Math.min(10_000, Math.max(1, Math.round(request.cpus * 100))))],
    ['MemoryLow', String(request.memoryBytes)],
    ['MemoryMax', String(limit.memoryBytes)],
  ]
}

function targetUnit(stack: string): string {
  return unitText([
    { name: 'Unit', lines: [['Description', `ragscale ${stack}: every gateway and worker of this host`]] },
    { name: 'Install', lines: [['WantedBy', 'multi-user.target']] },
  ])
}

function sliceUnit(stack: string): string {
  return unitText([
    {
      name: 'Unit',
      lines: [['Description', `ragscale ${stack}: what its gateways and workers use together`]],
    },
    {
      name: 'Slice',
      lines: [
        ['CPUAccounting', 'yes'],
        ['MemoryAccounting', 'yes'],
        ['TasksAccounting', 'yes'],
      ],
    },
  ])
}

function envExample({ name, variables }: HostService): string {
  return [
    `# Copy this to /etc/ragscale/${name}.env and say where the other tiers are. Nothing secret belongs in it.`,
    ...Object.entries(variables)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([variable, value]) => `${variable}=${value}`),
    '# Other hosts reach it only where it listens on more than loopback:',
    '# HOST=0.0.0.0',
    '# Traces, over OTLP and HTTP:',
    '# OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.internal:4318',
    '',
  ].join('\n')
}
