import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { containerReading } from '../../../../src/targets/sampling/container.ts'
import { gpuSample, gpuUse } from '../../../../src/targets/sampling/gpu.ts'
import { type UsageReading, usageBetween } from '../../../../src/targets/sampling/usage.ts'

const stats = {
  read: '2026-11-21T19:00:00.250000000Z',
  preread: '0001-01-01T00:00:00Z',
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 }, online_cpus: 2 },
  memory_stats: { usage: 100_000_000, stats: { inactive_file: 30_000_000 }, limit: 1e9 },
  networks: {
    eth0: { rx_bytes: 1000, tx_bytes: 10, rx_packets: 3 },
    eth1: { rx_bytes: 500, tx_bytes: 5 },
  },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: 'read', value: 4096 },
      { major: 8, minor: 0, op: 'write', value: 8192 },
      { major: 8, minor: 16, op: 'read', value: 1 },
    ],
  },
}

describe('what a container has used', () => {
  it('is its CPU time, its memory without the page cache that can go, its traffic and its disk', () => {
    expect(containerReading(stats)).toEqual({
      atMs: Date.parse('2026-11-21T19:00:00.250Z'),
      cpuSeconds: 2.5,
      memoryBytes: 70_000_000,
      network: { received: 1500, sent: 15 },
      disk: { read: 4097, written: 8192 },
    })
  })

  it('is the same on cgroup v1, which has other words for it', () => {
    const older = {
      ...stats,
      memory_stats: {
        usage: 100_000_000,
        stats: { total_inactive_file: 40_000_000, inactive_file: 1_000_000 },
      },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: 'Read', value: 4096 },
          { op: 'Write', value: 8192 },
          { op: 'Total', value: 12_288 },
        ],
      },
    }
    expect(containerReading(older)).toMatchObject({
      memoryBytes: 60_000_000,
      disk: { read: 4096, written: 8192 },
    })
  })

  it('says nothing of what the engine does not count', () => {
    const bare = {
      ...stats,
      networks: undefined,
      memory_stats: {},
      blkio_stats: { io_service_bytes_recursive: null },
    }
    expect(containerReading(bare)).toMatchObject({ memoryBytes: null, network: null, disk: null })
  })

  it('is nothing where the container does not run, or the engine says something else', () => {
    const stopped = { ...stats, read: '0001-01-01T00:00:00Z', cpu_stats: { cpu_usage: {} } }
    for (const other of [stopped, { message: 'no such container' }, null, 'x', { ...stats, read: 'now' }])
      expect(containerReading(other)).toBeNull()
  })
})

const reading = fc.record<UsageReading>({
  atMs: fc.integer({ min: 1, max: 1e6 }),
  cpuSeconds: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  memoryBytes: fc.option(fc.nat()),
  network: fc.option(fc.record({ received: fc.nat(), sent: fc.nat() })),
  disk: fc.option(fc.record({ read: fc.nat(), written: fc.nat() })),
})

describe('what it uses between two readings', () => {
  it('is what was added, a second', () => {
    const before = {
      atMs: 1000,
      cpuSeconds: 1,
      memoryBytes: 5,
      network: { received: 100, sent: 0 },
      disk: null,
    }
    const now = {
      atMs: 3000,
      cpuSeconds: 4,
      memoryBytes: 7,
      network: { received: 300, sent: 50 },
      disk: { read: 1, written: 2 },
    }
    expect(usageBetween(before, now)).toEqual({
      cpuCores: 1.5,
      memoryBytes: 7,
      network: { receivedBytesPerSecond: 100, sentBytesPerSecond: 25 },
      disk: null,
    })
  })

  it('is memory alone without a reading before, and never less than nothing', () => {
    fc.assert(
      fc.property(fc.option(reading), reading, (before, now) => {
        const { cpuCores, memoryBytes, network, disk } = usageBetween(before, now)
        expect(memoryBytes).toBe(now.memoryBytes)
        if (before === null) expect([cpuCores, network, disk]).toEqual([null, null, null])
        const rates = [cpuCores, ...Object.values(network ?? {}), ...Object.values(disk ?? {})]
        for (const rate of rates)
          if (rate !== null) {
            expect(rate).toBeGreaterThanOrEqual(0)
            expect(rate).toBeLessThan(Infinity)
          }
      }),
    )
  })
})

describe('what GPUs do', () => {
  it('is read from nvidia-smi, where a part of a GPU does not say how busy it is', () => {
    const csv = '0, GPU-1111, 87, 61440\n1, GPU-2222, [N/A], 1024\n2, GPU-3333, [Not Supported], [N/A]\n'
    expect(gpuSample(csv)).toEqual([
      { index: 0, uuid: 'GPU-1111', utilization: 0.87, memoryBytes: 61440 * 2 ** 20 },
      { index: 1, uuid: 'GPU-2222', utilization: null, memoryBytes: 2 ** 30 },
      { index: 2, uuid: 'GPU-3333', utilization: null, memoryBytes: null },
    ])
  })

  it.each([
    '',
    'NVIDIA-SMI has failed because it could not communicate with the driver.',
    'No devices were found',
  ])('is nothing where nvidia-smi says %j', (text) => expect(gpuSample(text)).toEqual([]))

  it('is of a replica the mean of how busy its GPUs are, and the sum of their memory', () => {
    const gpus = gpuSample('0, a, 50, 1\n1, b, 100, 2\n2, c, [N/A], 4\n')
    expect(gpuUse(gpus)).toEqual({ gpuUtilization: 0.75, gpuMemoryBytes: 7 * 2 ** 20 })
    expect(gpuUse([])).toEqual({ gpuUtilization: null, gpuMemoryBytes: null })
  })
})
