/** The configurations as the balancers' own programs read them. */
import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { choosing } from '../../../../src/catalog/balancing.ts'
import { nextOf } from '../../../../src/catalog/releases.ts'
import { balancingOf } from '../../../../src/render/balancer/balancer.ts'
import { softwareOf, type Software } from '../../../e2e/balancer/software.ts'
import { describeBalancer } from '../../../e2e/balancer/describe-balancer.ts'
import { presetStack } from '../preset-stack.ts'

/** Its output goes to a file, as nginx opens /dev/stdout, which is not possible where that is a socket. */
async function run(
  program: string,
  args: readonly string[],
  file: string,
): Promise<{ code: number | null; said: string }> {
  const written = await open(file, 'w')
  const code = await new Promise<number | null>((resolve, reject) => {
    spawn(program, args, { stdio: ['ignore', written.fd, written.fd] })
      .once('error', reject)
      .once('exit', resolve)
  })
  await written.close()
  return { code, said: await readFile(file, 'utf8') }
}

const check: Readonly<Record<Software, (config: string, folder: string) => readonly string[]>> = {
  nginx: (config, folder) => ['-t', '-p', folder, '-c', config],
  haproxy: (config) => ['-c', '-f', config],
  envoy: (config) => ['--mode', 'validate', '-c', config, '--log-level', 'warning'],
}

const stacks = [
  ...(['laptop', 'small', 'production'] as const).flatMap((preset) =>
    (['compose', 'swarm', 'kubernetes'] as const).map(
      (target) => [preset, target, 'least-connections'] as const,
    ),
  ),
  ...(['round-robin', 'random'] as const).map((policy) => ['production', 'compose', policy] as const),
]

/** HAProxy before its first reload. */
const noServersKept = /^.*Can't open global server state file.*$|^Warnings were found\.$/gm

for (const software of ['nginx', 'haproxy', 'envoy'] as const) {
  await describeBalancer(software, `${software} reads what is rendered for it`, (program) => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'ragscale-balancer-'))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    test.each(stacks)(
      '%s on %s, %s, alone and with every share of a second version, for all replicas and for some',
      { timeout: 60_000 },
      async (preset, target, policy) => {
        const stack = await presetStack(preset, target, { 'balancer.policy': policy })
        const balancing = balancingOf(stack, target)
        const split = (share: number) =>
          balancing.upstreams.map((upstream) => {
            const [pool] = upstream.pools
            const pools = [
              { ...pool, share: 100 - share },
              { ...pool, name: `${pool.name}-next`, share },
            ] as const
            return { ...upstream, pools }
          })
        const shares = [0, 5, 100].map((share) => ({ ...balancing, upstreams: split(share) }))
        const chosen = balancing.upstreams.flatMap(({ tier }) =>
          [tier, nextOf(tier)].map((name) => [name, ['10.0.0.7', '10.0.0.8']] as const),
        )
        // Envoy is never told: it reads no other configuration while it runs.
        const told = software === 'envoy' ? [] : [balancing, ...shares.slice(1, 2)]
        const choices = told.map((each) => choosing(each, new Map(chosen)))
        for (const each of [balancing, ...shares, ...choices]) {
          const own = { statusPort: 18_090, adminPort: 19_901, dnsPort: 53, folder }
          const config = join(folder, 'config.yaml')
          await writeFile(config, evaluated(softwareOf[software].write(each, own)))
          const { code, said } = await run(program, check[software](config, folder), join(folder, 'said'))
          expect(code, said).toBe(0)
          expect(said.replaceAll(noServersKept, '')).not.toMatch(/\bwarn|deprecated|emerg|alert/i)
        }
      },
    )
  })
}

/** As the chart does it: names of the cluster in place of template text. */
function evaluated(text: string): string {
  return text
    .replaceAll(
      /\{\{ include `ragscale\.replicas-host` \(list \. `(\w+)`\) \}\}/g,
      'rag-$1-headless.rag.svc.cluster.local',
    )
    .replaceAll('{{ .Values.cluster.dns }}', '127.0.0.53')
}
