/**
 * What recommendations are worth: seeded stacks of emulators whose laws the recommender is not told, measured,
 * recommended for and examined in virtual time. `node bench/capacity/main.ts [stacks] [first seed]`
 */
import { drawStack } from '../../test/unit/capacity/proving-ground.ts'
import { prove, type Proof } from '../../test/unit/capacity/prove.ts'

const stacks = Number(process.argv[2] ?? 100)
const first = Number(process.argv[3] ?? 1)
const examinedQueries = 60_000

const began = process.cpuUsage()
const proofs: Proof[] = []
for (let seed = first; seed < first + stacks; seed++) proofs.push(prove(drawStack(seed), examinedQueries))
const spent = process.cpuUsage(began)

const bounds = new Map<string, number>()
for (const { recommendation } of proofs)
  for (const { boundBy } of Object.values(recommendation.tiers))
    bounds.set(boundBy, (bounds.get(boundBy) ?? 0) + 1)

console.log(
  `stacks ${stacks}, seeds ${first} to ${first + stacks - 1}, ${examinedQueries} queries in each examination`,
)
console.log(`SLO met at the recommended counts: ${proofs.filter(({ met }) => met).length}`)
console.log(
  `one replica less of any tier breaks the SLO or the 85 % rule: ${proofs.filter(({ spare }) => spare.length === 0).length}`,
)
console.log(`counts bound by: ${[...bounds].map(([bound, count]) => `${bound} ${count}`).join(', ')}`)
for (const percentile of ['p50', 'p95', 'p99']) {
  const all = proofs.flatMap(({ accuracy }) => accuracy.filter((one) => one.percentile === percentile))
  const errors = all.map(({ predicted, examined }) => predicted / examined - 1)
  const sizes = errors.map(Math.abs).sort((a, b) => a - b)
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const inside = all.filter(({ band, examined }) => examined >= band[0] && examined <= band[1]).length
  console.log(
    `predicted ${percentile}: median error ${percent(sizes[Math.floor(sizes.length / 2)]!)}, nine in ten within ${percent(sizes[Math.floor(0.9 * sizes.length)]!)}, bias ${percent(errors.reduce((sum, error) => sum + error, 0) / errors.length)}, inside its band ${inside}`,
  )
}
for (const { stack, counts, met, spare, predictedWorst, examinedWorst } of proofs) {
  if (met && spare.length === 0) continue
  const what = met ? `one too many of ${spare.join(', ')}` : 'SLO broken'
  console.log(
    `  stack ${stack.seed}: ${counts.join('+')}, ${what}; latency ÷ limit ${predictedWorst.toFixed(3)} predicted, ${examinedWorst.toFixed(3)} examined`,
  )
}
console.log(`CPU ${((spent.user + spent.system) / 1e6).toFixed(0)} s`)
