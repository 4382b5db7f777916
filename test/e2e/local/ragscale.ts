/** The real command line from the sources, as a process of its own. */
import { processRuntime } from '../../../src/runtime.ts'
import { run } from '../../../src/main.ts'

process.exitCode = await run(process.argv.slice(2), processRuntime())
