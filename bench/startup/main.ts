/** How long `ragscale --help` takes, as a multiple of an empty Node: alternating pairs, the median of their ratios. */
import { fileURLToPath } from 'node:url'
import { execaSync } from 'execa'
import { intervalOfMedian, median } from '../statistics.ts'

const program = fileURLToPath(new URL('../../bin/ragscale.js', import.meta.url))
const pairs = 25

function timed(args: readonly string[]): number {
  const startedAt = performance.now()
  execaSync(process.execPath, args, { stdio: 'ignore' })
  return performance.now() - startedAt
}

// The first run of each fills caches, the compile cache among them.
timed(['-e', ''])
timed([program, '--help'])
const empty: number[] = []
const help: number[] = []
for (let pair = 0; pair < pairs; pair++) {
  empty.push(timed(['-e', '']))
  help.push(timed([program, '--help']))
}
const ratios = help.map((ms, index) => ms / (empty[index] ?? 1))
const [low, high] = intervalOfMedian(ratios)
process.stdout.write(
  `empty Node            ${median(empty).toFixed(0)} ms\n` +
    `ragscale --help       ${median(help).toFixed(0)} ms\n` +
    `ratio                 ${median(ratios).toFixed(2)} (95 % interval of the median ${low.toFixed(2)}–${high.toFixed(2)}, ${pairs} pairs)\n`,
)
process.exitCode = median(ratios) <= 3.3 ? 0 : 1
