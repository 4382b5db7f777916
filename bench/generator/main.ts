/** What the load generator costs: CPU a request against stock k6, memory at 1 and at 8 million samples (main.go). */
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { findK6 } from '../../src/load/k6/find.ts'
import { processRuntime } from '../../src/runtime.ts'

const { path } = await findK6(processRuntime())
const { exitCode } = await execa('go', ['run', '.', '-k6', path, ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  stdio: 'inherit',
  reject: false,
})
process.exitCode = exitCode ?? 1
