import { describe, expect, it } from 'vitest'
import { generatorFold, usableCores } from '../../../src/load/generator.ts'
import { intervalLine } from '../../../src/recording/load-lines.ts'

const files = (contents: Record<string, string>) => async (path: string) =>
  await Promise.resolve(contents[path] ?? null)

describe('the CPU that the generator may use', () => {
  it('is every core where there is no quota', async () => {
    expect(await usableCores(files({}), 8)).toBe(8)
    expect(
      await usableCores(
        files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }),
        8,
      ),
    ).toBe(8)
  })

  it('is the quota of the cgroup, or of one above it, whichever is smaller', async () => {
    const v2 = {
      '/proc/self/cgroup': '0::/pod/job\n',
      '/sys/fs/cgroup/pod/job/cpu.max': '400000 100000\n',
      '/sys/fs/cgroup/pod/cpu.max': '150000 100000\n',
    }
    expect(await usableCores(files(v2), 8)).toBe(1.5)
    expect(await usableCores(files(v2), 1)).toBe(1)
  })

  it('is read from cgroup v1 too', async () => {
    const v1 = {
      '/proc/self/cgroup': '5:memory:/job\n4:cpu,cpuacct:/job\n',
      '/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us': '50000\n',
      '/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us': '100000\n',
    }
    expect(await usableCores(files(v1), 8)).toBe(0.5)
    expect(
      await usableCores(files({ ...v1, '/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us': '-1\n' }), 8),
    ).toBe(8)
  })
})

const line = (
  at: number,
  cpuSeconds: number,
  phase: 'warmup' | 'window' | 'drain',
  step = 's1',
  rssBytes = 50,
) =>
  intervalLine.parse({
    type: 'interval',
    at,
    step,
    stage: 'embed',
    phase,
    elapsedMs: 0,
    rate: 1,
    scheduled: 1,
    sent: 1,
    succeeded: 1,
    failed: 0,
    inFlight: 0,
    cpuSeconds,
    rssBytes,
  })

describe('the CPU that the generator used', () => {
  it('is that of the window alone, as cores and as a share of what it may use', () => {
    const fold = generatorFold(2)
    for (const each of [
      line(1_000, 5, 'warmup'),
      line(2_000, 5.5, 'window'),
      line(3_000, 6.5, 'window', 's1', 90),
      line(4_000, 9, 'drain'),
    ])
      fold.add(each)
    expect(fold.of('s1')).toEqual({ cpuCores: 0.75, share: 0.375, peakRssBytes: 90 })
  })

  it('is not known for a step without a second of window', () => {
    const fold = generatorFold(2)
    fold.add(line(1_000, 1, 'window'))
    expect(fold.of('s1')).toBeNull()
    expect(fold.of('s2')).toBeNull()
  })
})
