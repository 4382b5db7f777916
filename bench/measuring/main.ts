/** Whether what is measured is right: queues against Lindley's recursion, token times against the server's own log. */
import { execa } from 'execa'

const vitest = new URL('../../node_modules/vitest/vitest.mjs', import.meta.url).pathname
const { exitCode } = await execa(process.execPath, [vitest, 'run', '--project', 'measuring'], {
  cwd: new URL('../..', import.meta.url).pathname,
  stdio: 'inherit',
  reject: false,
})
process.exitCode = exitCode ?? 1
