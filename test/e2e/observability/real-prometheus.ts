/** A real Prometheus, scraping a stack on this machine by the rules that are rendered for it. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { freePort } from '../containers/free-port.ts'
import type { Replica } from './watched-stack.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [at: number, value: string]
}

export interface RealPrometheus {
  /** What an instant query gives; throws with Prometheus' own words when it refuses it. */
  query(expr: string): Promise<readonly Sample[]>
  stop(): Promise<void>
}

/**
 * @param program of Debian's package `prometheus`
 * @param rules file name → text
 */
export async function realPrometheus(
  program: string,
  rules: ReadonlyMap<string, string>,
  replicas: readonly Replica[],
): Promise<RealPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-prometheus-'))
  await mkdir(join(folder, 'rules'))
  for (const [name, text] of rules) await writeFile(join(folder, 'rules', name), text)
  await writeFile(join(folder, 'prometheus.yml'), configOf(replicas))
  const port = await freePort()
  const process = execa(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { reject: false, all: true },
  )
  const base = `http://127.0.0.1:${port}`
  await ready(`${base}/-/ready`)
  return {
    query: async (expr) => {
      const response = await fetch(`${base}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expr }),
      })
      const answer = (await response.json()) as { error?: string; data?: { result: Sample[] } }
      if (answer.data === undefined) throw new Error(`${expr}: ${answer.error}`)
      return answer.data.result
    },
    stop: async () => {
      process.kill('SIGTERM')
      await process
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Each job's replicas, by the labels that every target's scraping promises. */
function configOf(replicas: readonly Replica[]): string {
  const jobs = Map.groupBy(replicas, ({ job }) => job)
  return stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules/*.yaml'],
    scrape_configs: [...jobs].map(([job, of]) => ({
      job_name: job,
      static_configs: of.map(({ name, url }) => ({
        targets: [new URL(url).host],
        labels: { tier: job, replica: name },
      })),
    })),
  })
}

async function ready(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(url).catch(() => null)
    if (answer?.ok === true) return
    await sleep(100)
  }
  throw new Error('Prometheus did not come up within half a minute')
}
