import { describe, expect, it } from 'vitest'
import { presetText } from '../../../../src/stack/presets.ts'
import { type ComposeFile, filesOf, stackFrom, yamlValue } from '../rendered-stack.ts'

const production = await presetText('production')
const files = filesOf(stackFrom(production), 'compose')
const compose = composeOf(production)

function composeOf(text: string): ComposeFile {
  return yamlValue(filesOf(stackFrom(text), 'compose').get('compose.yaml') ?? '')
}

/** `production` with more keys: each line is one below `tiers`. */
function productionWith(...tiers: readonly string[]): ComposeFile {
  return composeOf(production.replace('tiers:\n', `tiers:\n${tiers.map((line) => `  ${line}\n`).join('')}`))
}

function service(name: string, of: ComposeFile = compose) {
  const found = of.services[name]
  if (found === undefined) throw new Error(`no service ${name} among ${Object.keys(of.services).join(', ')}`)
  return found
}

describe('GPUs on Compose', () => {
  const gpusOf = (name: string) => service(name).deploy?.resources?.reservations?.devices?.[0]?.device_ids

  it('each replica is a service with GPUs of its own, found by the tier’s name', () => {
    expect(gpusOf('embed-1')).toEqual(['0'])
    expect(gpusOf('embed-2')).toEqual(['1'])
    expect(gpusOf('generate-4')).toEqual(['7'])
    expect(service('embed-2').networks).toEqual({ stack: { aliases: ['embed'] } })
  })

  it('a replica over several GPUs has all of them, and memory to share between them', () => {
    const over = composeOf(production.replace('tensorParallel: 1', 'tensorParallel: 2'))
    const second = service('generate-2', over) as unknown as { shm_size: string } & ReturnType<typeof service>
    expect(second.deploy?.resources?.reservations?.devices?.[0]?.device_ids).toEqual(['6', '7'])
    expect(second.shm_size).toBe('16g')
  })

  it('without a GPU a tier is one service with as many replicas', () => {
    const cpu = composeOf(production.replaceAll('gpu: L4', 'gpu: cpu'))
    expect(service('embed', cpu).deploy?.replicas).toBe(2)
    expect(service('embed', cpu).image).toContain(':cpu-')
  })

  it('what watches GPUs sees all of them and takes none', () => {
    expect(service('dcgm').deploy?.resources?.reservations?.devices?.[0]).toMatchObject({ count: 'all' })
  })
})

describe('the vector cluster on Compose', () => {
  it('nodes differ in name and data, and in nothing that they run', () => {
    const {
      hostname: first,
      volumes: firstVolumes,
      labels: _,
      depends_on: none,
      ...one
    } = service('vector-1')
    const {
      hostname: third,
      volumes: thirdVolumes,
      labels: __,
      depends_on: waits,
      ...other
    } = service('vector-3')
    expect(other).toEqual(one)
    expect([first, third]).toEqual(['vector-1', 'vector-3'])
    expect(firstVolumes?.[0]?.source).toBe('vector-data-1')
    expect(thirdVolumes?.[0]?.source).toBe('vector-data-3')
    expect(none).toBeUndefined()
    expect(waits).toEqual({ 'vector-1': { condition: 'service_healthy' } })
  })

  it('nobody reads or writes before the collection is made, which waits for every node', () => {
    expect(Object.keys(service('collection').depends_on ?? {})).toEqual(['vector-1', 'vector-2', 'vector-3'])
    for (const name of ['gateway', 'worker']) {
      expect(service(name).depends_on).toEqual({
        collection: { condition: 'service_completed_successfully' },
      })
    }
  })
})

describe('order and endings on Compose', () => {
  it('models are fetched once, before the replicas that read them', () => {
    const waits = { 'models-generate': { condition: 'service_completed_successfully' } }
    expect(service('generate-1').depends_on).toEqual(waits)
    expect(service('generate-4').depends_on).toEqual(waits)
  })

  it('a job that fails is tried a few times, a server for ever', () => {
    expect(service('models-embed').restart).toBe('on-failure:5')
    expect(service('gateway').restart).toBe('unless-stopped')
  })

  it('read replicas are services with data of their own, after the primary', () => {
    const of = productionWith('metadata: { component: postgres, replicas: 3 }')
    expect(service('metadata-replica-2', of).depends_on).toEqual({
      metadata: { condition: 'service_healthy' },
    })
    expect(service('metadata-replica-2', of).volumes?.[0]?.source).toBe('metadata-replica-data-2')
    expect(service('metadata', of).volumes?.[0]?.source).toBe('metadata-data')
  })
})

describe('what is beside compose.yaml', () => {
  it('says by which variables ports move, each with the port that it has otherwise', () => {
    expect(files.get('.env.example')).toContain('RAGSCALE_FRONT_DOOR=0.0.0.0:8080')
    expect(files.get('.env.example')).toContain('RAGSCALE_GENERATE_PORT=8084')
    expect(service('balancer').ports).toContain('${RAGSCALE_FRONT_DOOR:-0.0.0.0:8080}:8080')
  })

  it('says how every secret is made and who reads it, and keeps secrets out of version control', () => {
    const readme = files.get('secrets/README.md') ?? ''
    for (const name of Object.keys(compose.secrets ?? {})) expect(readme).toContain(`\`${name}\``)
    expect(files.get('secrets/.gitignore')).toMatch(/^\*$/m)
    expect([...files.keys()].filter((path) => path.startsWith('secrets/'))).toHaveLength(2)
  })

  it('builds our own image from the folder beside it, and asks no registry for it', () => {
    expect(service('gateway')).toMatchObject({ build: '../image', pull_policy: 'never' })
  })
})

it('a changed configuration makes a new container, and no other', () => {
  const label = 'com.ragscale.configuration'
  const other = composeOf(production.replace('topK: 5', 'topK: 6'))
  expect(service('gateway', other).labels?.[label]).not.toBe(service('gateway').labels?.[label])
  expect(service('balancer', other)).toEqual(service('balancer'))
})

it('a second balancer is not made, since the first has the ports of the machine', () => {
  const two = composeOf(production.replace('component: nginx,', 'component: nginx, replicas: 2,'))
  expect(service('balancer', two).deploy?.replicas).toBe(1)
})

it('a rehearsal asks for no GPU and fetches no model', () => {
  const rehearsed = composeOf(`${production}\nrehearse: true\n`)
  expect(Object.keys(rehearsed.services).filter((name) => name.startsWith('models-'))).toEqual([])
  expect(JSON.stringify(rehearsed)).not.toContain('nvidia')
  expect(service('embed', rehearsed).image).toBe(service('gateway', rehearsed).image)
})
