import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assembleRun } from '../../../src/recording/assemble.ts'
import { readRecording, readRunFile, writeRunFile } from '../../../src/recording/files.ts'
import { writeHlog } from '../../../src/recording/hlog.ts'
import { recoverRun } from '../../../src/recording/recover.ts'
import {
  createRunFolder,
  findRunFolder,
  listRuns,
  newRunId,
  removeRun,
} from '../../../src/recording/store.ts'
import { facts, interval, line, recorded, t0 } from './fixtures.ts'

let runs: string
beforeEach(async () => {
  runs = join(await mkdtemp(join(tmpdir(), 'ragscale-runs-')), 'runs')
})
afterEach(async () => await rm(join(runs, '..'), { recursive: true }))

const ended = { endedAt: new Date(t0 + 60_000).toISOString(), interrupted: false }

async function finished(id: string, startedAt = t0) {
  const known = facts({ id, startedAt: new Date(startedAt).toISOString() })
  const folder = await createRunFolder(runs, known)
  const run = assembleRun(known, [], recorded(), ended)
  await writeRunFile(folder, run)
  return { folder, run }
}

/** What a killed process leaves: facts, whole lines, half a line. */
async function killed(id: string, lines: unknown[]) {
  const folder = await createRunFolder(runs, facts({ id }))
  await writeFile(
    join(folder, 'load.ndjson'),
    `${lines.map((one) => JSON.stringify(one)).join('\n')}\n{"type":"ste`,
  )
  return folder
}

describe('the folder of a run', () => {
  it('is named by time, stage and chance, so that two of the same second do not collide', () => {
    const ids = new Set(Array.from({ length: 20 }, () => newRunId(new Date(t0), ['embed', 'retrieve'])))
    expect(ids.size).toBeGreaterThan(15)
    expect([...ids][0]).toMatch(/^20261121-120000-embed\+retrieve-[0-9a-f]{4}$/)
  })

  it('is refused when a run of that name is there, which stays as it was', async () => {
    const { folder, run } = await finished('a')
    await expect(createRunFolder(runs, facts({ id: 'a' }))).rejects.toMatchObject({
      exitCode: 2,
      code: 'run-exists',
    })
    expect(await readRunFile(folder)).toEqual(run)
  })

  it.each(['../a', 'a/b', '', '.', '-a', 'a b'])('cannot be named %j', async (id) => {
    await expect(createRunFolder(runs, facts({ id }))).rejects.toMatchObject({
      exitCode: 2,
      code: 'run-name',
    })
  })

  it('says what the disk said when it cannot be made', async () => {
    await writeFile(runs, 'a file, not a folder')
    await expect(createRunFolder(runs, facts())).rejects.toMatchObject({ name: 'UserError', code: 'disk' })
  })
})

describe('listing runs', () => {
  it('shows the newest first, with verdicts, and nothing where there is no folder', async () => {
    expect(await listRuns(runs)).toEqual([])
    await finished('older', t0)
    await finished('newer', t0 + 1000)
    await mkdir(join(runs, 'notes'))
    expect(await listRuns(runs)).toMatchObject([
      { id: 'newer', verdict: 'pass', stages: ['embed'], emulated: true, offered: 50 },
      { id: 'older', verdict: 'pass' },
    ])
  })

  it('shows a half-written run as incomplete and a damaged one as unreadable', async () => {
    await killed('with-a-step', [line()])
    await killed('without', [interval()])
    const { folder } = await finished('damaged')
    await writeFile(join(folder, 'run.json'), '{"schema":"ragscale.run/1"')
    const listed = new Map((await listRuns(runs)).map((run) => [run.id, run]))
    expect(listed.get('with-a-step')).toMatchObject({
      verdict: 'incomplete',
      note: 'finished steps can be recovered',
    })
    expect(listed.get('without')).toMatchObject({ verdict: 'incomplete', note: 'no step was finished' })
    expect(listed.get('damaged')?.verdict).toBe('unreadable')
  })
})

describe('finding a run', () => {
  it('takes an id, a folder, its run.json, or the latest', async () => {
    const { folder } = await finished('a')
    await finished('b', t0 + 1000)
    for (const named of ['a', folder, join(folder, 'run.json'), 'runs/a']) {
      expect(await findRunFolder(runs, named, join(runs, '..'))).toBe(folder)
    }
    expect(await findRunFolder(runs, 'latest', '/')).toBe(join(runs, 'b'))
  })

  it('names the nearest known one', async () => {
    await finished('baseline')
    await expect(findRunFolder(runs, 'basline', '/')).rejects.toMatchObject({
      exitCode: 2,
      hint: expect.stringContaining('Did you mean baseline?'),
    })
  })
})

it('removes runs, and refuses to remove anything else', async () => {
  const { folder } = await finished('a')
  await expect(removeRun(join(runs, '..'))).rejects.toThrow('holds no run')
  await removeRun(folder)
  expect(await listRuns(runs)).toEqual([])
})

describe('a run whose process was killed', () => {
  it('is recovered from what is on the disk, and called interrupted', async () => {
    const folder = await killed('a', [
      { type: 'start', schema: 'ragscale.load/1', at: t0, k6: '1.8.1', stage: 'embed' },
      interval(),
      line(),
    ])
    await writeHlog(join(folder, 'latency.hlog'), recorded().series)
    await appendFile(join(folder, 'latency.hlog'), 'Tag=s2.embed.latency,1790000000.0,1.0,0.1,HISTFAAAA')
    await appendFile(join(folder, 'resources.ndjson'), '{"at":1,"hostCpu":0.5}\n{"at":2,"hos')
    const run = await recoverRun(folder)
    expect(run).toMatchObject({
      verdict: 'interrupted',
      generator: { k6: '1.8.1' },
      steps: [{ id: 's1', valid: true }],
    })
    expect(run.steps[0]?.metrics['latency']?.count).toBe(1500)
    const recording = await readRecording(folder)
    expect(recording).toMatchObject({ run, intervals: [interval()], resources: [{ hostCpu: 0.5 }] })
  })

  it('says so when there is nothing to recover', async () => {
    const folder = await killed('a', [interval()])
    await expect(recoverRun(folder)).rejects.toMatchObject({ exitCode: 6, code: 'run-incomplete' })
  })
})

describe('run.json', () => {
  it('reads back as what was written', async () => {
    const { folder, run } = await finished('a')
    expect(await readRunFile(folder)).toEqual(run)
  })

  it('is refused, with exit 2, when a newer ragscale wrote it, when it is damaged, and when it is something else', async () => {
    const { folder, run } = await finished('a')
    const refusal = async (text: string) => {
      await writeFile(join(folder, 'run.json'), text)
      return await readRunFile(folder).then(
        () => 'read',
        (error: { exitCode: number; message: string }) =>
          `${error.exitCode} ${error.message.replace(folder, '')}`,
      )
    }
    expect(await refusal(JSON.stringify({ ...run, schema: 'ragscale.run/2' }))).toMatch(/^2 .*newer ragscale/)
    expect(await refusal(JSON.stringify({ ...run, schema: 'ragscale.run/0' }))).toMatch(/^2 .*never released/)
    expect(await refusal(JSON.stringify({ ...run, steps: [{}] }))).toMatch(/^2 .*is damaged/)
    expect(await refusal('{"schema":')).toMatch(/^2 .*is damaged/)
    expect(await refusal('[]')).toMatch(/^2 .*is not a run/)
    expect(await refusal('null')).toMatch(/^2 .*is not a run/)
  })

  it('holds no path of the user and no secret of an endpoint', async () => {
    const { folder } = await finished('a')
    expect(await readFile(join(folder, 'run.json'), 'utf8')).not.toContain('/home/somebody')
  })
})
