import { describe, expect, test } from 'vitest'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { renderSystemd } from '../../../../src/render/systemd/systemd.ts'
import { assignment, unitText } from '../../../../src/render/systemd/unit.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { gatewayConfigSchema } from '../../../../src/services/gateway/config.ts'
import { expandVariables } from '../../../../src/services/config-file.ts'
import { workerConfigSchema } from '../../../../src/services/worker/config.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { presetStack } from '../preset-stack.ts'

const templates = await readTemplates()
const production = await presetStack('production', 'compose')

function files(stack: Stack = production): ReadonlyMap<string, string> {
  return renderSystemd(topologyOf(stack, 'systemd'), templates)
}

function file(path: string, stack?: Stack): string {
  const text = files(stack).get(`systemd/${path}`)
  if (text === undefined) throw new Error(`there is no ${path}`)
  return text
}

const settings = (text: string, key: string): string[] =>
  text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))

/** What the unit and an environment file as the example set, for the instance at this port. */
function environmentOf(name: string, port: number): Record<string, string> {
  const unit = file(`ragscale-${name}@.service`)
  const lines = [...settings(unit, 'Environment'), ...file(`${name}.env.example`).split('\n')]
  return Object.fromEntries(
    lines
      .filter((line) => /^[A-Z_]+=/.test(line))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
      .map(([key, value]) => [key, value.replace('%i', String(port))]),
  )
}

describe('units for plain hosts', () => {
  test.each([
    ['gateway', gatewayConfigSchema],
    ['worker', workerConfigSchema],
  ] as const)('the %s takes the configuration that its unit and environment make', (name, schema) => {
    const given: unknown = JSON.parse(file(`${name}.json`))
    const config = schema.parse(expandVariables(given, environmentOf(name, 8123)))
    expect(config).toMatchObject({ host: '127.0.0.1', port: 8123 })
    expect(config.embed.url).toMatch(/^http:/)
  })

  test.each(['gateway', 'worker'])('the %s is killed only after it has had its time to drain', (name) => {
    const unit = file(`ragscale-${name}@.service`)
    const { drain } = JSON.parse(file(`${name}.json`))
    expect(Number(settings(unit, 'TimeoutStopSec')[0]) * 1000).toBeGreaterThan(drain.graceMs)
    expect(settings(unit, 'KillSignal')).toEqual(['SIGTERM'])
    expect(settings(unit, 'KillMode')).toEqual(['mixed'])
  })

  test('it is started again when it fails, but not for ever', () => {
    const unit = file('ragscale-gateway@.service')
    expect(settings(unit, 'Restart')).toEqual(['on-failure'])
    expect(Number(settings(unit, 'StartLimitBurst')[0])).toBeGreaterThan(1)
    // Starts that fail at once must reach the limit within its interval.
    const soonest = Number(settings(unit, 'RestartSec')[0]) * Number(settings(unit, 'StartLimitBurst')[0])
    expect(soonest).toBeLessThan(Number(settings(unit, 'StartLimitIntervalSec')[0]))
  })

  test('secrets are credentials: neither in the unit, nor in the environment, nor in the configuration', () => {
    const unit = file('ragscale-gateway@.service')
    for (const credential of settings(unit, 'LoadCredential')) {
      const [name = '', path] = credential.split(':')
      expect(path).toBe(`/etc/ragscale/secrets/${name}`)
      expect(settings(unit, 'Environment').some((line) => line.endsWith(`_FILE=%d/${name}`))).toBe(true)
      expect(file('README.md')).toContain(`/etc/ragscale/secrets/${name}`)
    }
    expect(settings(unit, 'LoadCredential')).toHaveLength(2)
  })

  test('an instance is a port, as many as replicas, and no two are the same', () => {
    const instances = file('README.md').match(/ragscale-(?:gateway|worker)@\d+/g) ?? []
    const named = new Set(instances)
    expect([...named].filter((unit) => unit.includes('gateway'))).toHaveLength(3)
    expect([...named].filter((unit) => unit.includes('worker'))).toHaveLength(2)
    expect(new Set([...named].map((unit) => unit.split('@')[1])).size).toBe(named.size)
  })

  test('limits are the catalogue’s, with their reason', () => {
    const unit = file('ragscale-gateway@.service')
    const { container } = topologyOf(production, 'systemd').workloads.find(({ name }) => name === 'gateway')!
    expect(settings(unit, 'MemoryMax')).toEqual([String(container.resources.limit.memoryBytes)])
    expect(unit).toContain(`# ${container.resources.because}`)
  })

  test('nothing of the template is left in the page of advice', () => {
    expect(file('README.md')).not.toMatch(/\{\{|\}\}|undefined/)
  })

  test('a stack with neither gateway nor worker has nothing to run there', async () => {
    const changes = {
      'tiers.gateway': undefined,
      'tiers.worker': undefined,
      'tiers.queue': undefined,
      'tiers.cache': undefined,
      'slo.pipeline': undefined,
    }
    const stack = await presetStack('production', 'compose', changes)
    expect(() => files(stack)).toThrow('this stack has neither')
  })
})

describe('a unit as text', () => {
  test('sections, comments and settings, a line each', () => {
    expect(unitText([{ name: 'Unit', lines: ['why', ['Description', 'a']] }])).toBe(
      '[Unit]\n# why\nDescription=a\n',
    )
  })

  test('an assignment is quoted where it has to be', () => {
    expect(assignment('A', 'b')).toEqual(['Environment', 'A=b'])
    expect(assignment('A', 'b "c"')).toEqual(['Environment', String.raw`"A=b \"c\""`])
  })

  test('a line break would begin another setting', () => {
    expect(() => unitText([{ name: 'Unit', lines: [['A', 'b\nExecStart=c']] }])).toThrow('line break')
  })
})
