/**
 * How long the largest preset takes to render: in this process, for each target, and as `ragscale render` beside an
 * empty Node. The limit is for the rendering; the process also loads its modules, reads the stack and compares with
 * what is there, as every command does, and is said apart.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execaSync } from 'execa'
import { readTemplates } from '../../src/deployed/templates.ts'
import { render, renderings } from '../../src/render/render.ts'
import { readStack } from '../../src/stack/load.ts'
import { presetText } from '../../src/stack/presets.ts'
import { intervalOfMedian, median } from '../statistics.ts'

const limitMs = 300
const rounds = 25
const program = fileURLToPath(new URL('../../bin/ragscale.js', import.meta.url))

const { stack } = readStack(await presetText('production'), '/bench/ragscale.yaml')
if (stack === null) throw new Error('the preset production is broken')
const templates = await readTemplates()

function shown(values: readonly number[]): string {
  const [low, high] = intervalOfMedian(values)
  return `${median(values).toFixed(0)} ms (95 % interval of the median ${low.toFixed(0)}–${high.toFixed(0)}, ${values.length} runs)`
}

let slowest = 0
for (const rendering of renderings) {
  // The first one compiles; a command has that to pay as well, which the process below shows.
  const startedAt = performance.now()
  render(stack, rendering, templates)
  const first = performance.now() - startedAt
  const times = Array.from({ length: rounds }, () => {
    const began = performance.now()
    render(stack, rendering, templates)
    return performance.now() - began
  })
  slowest = Math.max(slowest, median(times))
  process.stdout.write(`${rendering.padEnd(12)} ${shown(times)}, the first ${first.toFixed(0)} ms\n`)
}

const folder = await mkdtemp(join(tmpdir(), 'ragscale-bench-'))
const timed = (args: readonly string[]): number => {
  const startedAt = performance.now()
  execaSync(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  return performance.now() - startedAt
}
try {
  timed([program, 'init', '--preset', 'production', '--yes', '--quiet'])
  const command = [program, 'render', '--target', 'kubernetes', '--quiet']
  // Fills the caches, and writes the files: from then on nothing changes.
  timed(command)
  timed(['-e', ''])
  const empty: number[] = []
  const whole: number[] = []
  for (let round = 0; round < rounds; round++) {
    empty.push(timed(['-e', '']))
    whole.push(timed(command))
  }
  const over = median(whole) - median(empty)
  process.stdout.write(
    `empty Node   ${shown(empty)}\n` +
      `ragscale render --target kubernetes, a whole process  ${shown(whole)}, ${over.toFixed(0)} ms more\n` +
      `rendering takes ${slowest.toFixed(0)} ms at most; the limit is ${limitMs} ms\n`,
  )
  process.exitCode = slowest <= limitMs ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
