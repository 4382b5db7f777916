import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { MalformedExposition, parseExposition } from '../../../../src/targets/sampling/exposition.ts'

const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/).filter((name) => name !== '__proto__')
const series = fc.record({
  name: fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,12}$/),
  labels: fc.dictionary(labelName, fc.string({ unit: 'grapheme' }), { maxKeys: 4, noNullPrototype: true }),
  value: fc.oneof(fc.double(), fc.constantFrom(Infinity, -Infinity, NaN, 0, 1e300)),
})

function written(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function lineOf({ name, labels, value }: { name: string; labels: Record<string, string>; value: number }) {
  const escaped = (text: string) =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  const inside = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${inside.length === 0 ? '' : `{${inside.join(',')}}`} ${written(value)}`
}

/** A line may not hold a carriage return: the format ends lines with \n alone and trims blanks. */
const writable = series.filter(({ labels }) =>
  Object.values(labels).every((text) => !/[\r\u2028]/.test(text)),
)

describe('the text in which metrics are told', () => {
  it('is read as it was written, whatever its labels say', () => {
    fc.assert(
      fc.property(fc.array(writable), (all) => {
        const text = all.map((one) => `# HELP ${one.name} {a="b"} 1\n${lineOf(one)}\n`).join('')
        expect(parseExposition(text)).toEqual(all)
      }),
    )
  })

  it('is read or refused, and never read wrong: any text ends in series or in one kind of error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          for (const { name } of parseExposition(text)) expect(name).toMatch(/^[a-zA-Z_:]/)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedExposition)
        }
      }),
    )
  })

  it('is read with blanks, a comma at the end, a timestamp and a value without a blank before it', () => {
    const text = 'a { x = "1" , y="2", } 3 1790000000000\r\nb{}4\n\tc 5e-1\n'
    expect(parseExposition(text)).toEqual([
      { name: 'a', labels: { x: '1', y: '2' }, value: 3 },
      { name: 'b', labels: {}, value: 4 },
      { name: 'c', labels: {}, value: 0.5 },
    ])
  })

  it.each(['<html>', '{"error":1}', 'a', 'a b', 'a{x="1" 2', 'a{x=1} 2', 'a 1 2 3', '1a 2'])(
    'is refused: %s',
    (text) => expect(() => parseExposition(text)).toThrow(MalformedExposition),
  )

  it('is read in part where only some names are wanted', () => {
    expect(parseExposition('a 1\nb{ 2\na_sum 3\n', new Set(['a']))).toEqual([
      { name: 'a', labels: {}, value: 1 },
    ])
  })

  it('is read as a client library writes it', async () => {
    const registry = new Registry()
    const registers = [registry]
    new Gauge({ name: 'g', help: 'a\\b\nc', labelNames: ['l'], registers }).set({ l: 'x"y\\z\n' }, -1.5)
    new Counter({ name: 'c_total', help: 'c', registers }).inc(3)
    new Histogram({ name: 'h', help: 'h', buckets: [1], registers }).observe(0.5)
    const read = parseExposition(await registry.metrics())
    expect(read).toContainEqual({ name: 'g', labels: { l: 'x"y\\z\n' }, value: -1.5 })
    expect(read).toContainEqual({ name: 'h_bucket', labels: { le: '+Inf' }, value: 1 })
    expect(read.map(({ name }) => name)).toEqual(['g', 'c_total', 'h_bucket', 'h_bucket', 'h_sum', 'h_count'])
  })

  it('is read as Qdrant writes it', () => {
    const recorded = new URL('../../../fixtures/qdrant-1.18/56-metrics.json', import.meta.url)
    const { response } = JSON.parse(readFileSync(recorded, 'utf8')) as { response: { text: string } }
    expect(parseExposition(response.text)).toContainEqual({
      name: 'collection_points',
      labels: { id: 'docs' },
      value: 109,
    })
  })
})
