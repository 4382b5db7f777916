import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLoadLine } from '../../../src/recording/load-lines.ts'
import { nothingSampled, parseResourceLine } from '../../../src/recording/resources.ts'
import { interval, line } from './fixtures.ts'

describe('a line of load.ndjson', () => {
  it.each([
    { type: 'start', schema: 'ragscale.load/1', at: 1, k6: '1.8.1', stage: 'embed' },
    interval(),
    line(),
    { type: 'end', at: 1, reason: 'finished' },
  ])('reads back as it was written: $type', (written) => {
    expect(parseLoadLine(JSON.stringify(written))).toEqual(written)
  })

  it('is null when it is anything else, and never an exception', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => `{"type":${text}`),
        ),
        (text) => {
          expect(parseLoadLine(text)).toBeNull()
        },
      ),
    )
  })

  it('is null when cut off at any byte', () => {
    const whole = JSON.stringify(line())
    for (let bytes = 0; bytes < whole.length; bytes++) expect(parseLoadLine(whole.slice(0, bytes))).toBeNull()
  })
})

describe('a line of resources.ndjson', () => {
  it('is of a replica or of the host, and null when it is neither', () => {
    expect(parseResourceLine('{"at":1,"tier":"embed","replica":"1","cpuCores":0.5}')).toEqual({
      ...nothingSampled,
      at: 1,
      tier: 'embed',
      replica: '1',
      cpuCores: 0.5,
    })
    expect(parseResourceLine('{"at":1,"hostCpu":0.4}')).toEqual({ at: 1, hostCpu: 0.4 })
    for (const text of ['', '{"at":1}', '{"at":1,"hostCpu":1.5}', '{"at":1,"tier":"em', 'null']) {
      expect(parseResourceLine(text)).toBeNull()
    }
  })
})
