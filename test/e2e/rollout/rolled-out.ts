/** A stack on the local target that is rolled out, by the real command. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type StackOnDisk, stackOnDisk } from '../local/stack-on-disk.ts'

export const yaml = `# a stack of mine
name: handbook
target: local
tiers:
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: 2
    emulate: { model: fifo, law: fixed, mean: 80ms, servers: 8 } # measured in June
workload: { rate: 30/s, queries: queries.jsonl, seed: 1 }
slo:
  embed: { p95: 2s, errors: 5% }
`
export const faster = 'emulate.mean=60ms'
/** A step is decided at its one look, after twelve seconds. */
export const quick = '--steps 50,100 --max-wait 12s --tolerance 300% --error-tolerance 4%'.split(' ')
export const asItWas = ['embed-1', 'embed-2', 'embed-balancer']

const result = z.object({
  rollout: z.object({
    phase: z.string(),
    outcome: z.string().nullable(),
    because: z.string().nullable(),
    records: z.array(z.object({ share: z.number(), verdict: z.string() })),
    run: z.string().nullable(),
  }),
})

export type Told = z.output<typeof result>['rollout'] & {
  readonly exitCode: number | null
  readonly err: string
}

export interface RolledOut extends StackOnDisk {
  file(): Promise<string>
  /** Of the rollout. */
  phase(): Promise<string>
  /** Of what runs, sorted. */
  names(): Promise<string[]>
  url(): Promise<string>
  /** `ragscale --json rollout …`, and what it said. */
  rollout(...args: string[]): Promise<Told>
}

/** Up already. */
export async function rolledOut(text: string): Promise<RolledOut> {
  const stack = await stackOnDisk(text)
  const questions = Array.from({ length: 50 }, (_, index) => `what is number ${index} about?`)
  await writeFile(join(stack.folder, 'queries.jsonl'), `${questions.join('\n')}\n`)
  const up = await stack.ragscale('up', '--quiet')
  if (up.exitCode !== 0) throw new Error(up.err)
  return {
    ...stack,
    file: async () => await readFile(join(stack.folder, 'ragscale.yaml'), 'utf8'),
    phase: async () => {
      const file = join(stack.folder, '.ragscale', 'rollout.json')
      return (JSON.parse(await readFile(file, 'utf8')) as { phase: string }).phase
    },
    names: async () => (await stack.status()).replicas.map(({ name }) => name).toSorted(),
    url: async () => (await stack.status()).endpoints.embed?.[0] ?? '',
    rollout: async (...args) => {
      const { exitCode, out, err } = await stack.ragscale('--json', 'rollout', ...args)
      const parsed = result.safeParse(JSON.parse(out))
      if (!parsed.success) throw new Error(`${out}\n${err}`)
      return { exitCode, err, ...parsed.data.rollout }
    },
  }
}
