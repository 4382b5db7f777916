/** `npm run bench [name…]`: every figure that the README states, measured again. */
import { readdir } from 'node:fs/promises'
import { execa } from 'execa'

const folder = new URL('.', import.meta.url)
const entries = await readdir(folder, { withFileTypes: true })
const known = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no bench named ${unknown.join(', ')}; there are ${known.join(', ')}\n`)
  process.exit(2)
}

let failed = 0
for (const name of asked.length > 0 ? asked : known) {
  process.stdout.write(`\n## ${name}\n`)
  const { exitCode } = await execa(process.execPath, [new URL(`${name}/main.ts`, folder).pathname], {
    stdio: 'inherit',
    reject: false,
  })
  if (exitCode !== 0) failed++
}
process.exitCode = failed === 0 ? 0 : 1
