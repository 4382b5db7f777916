/**
 * `node test/engine/start.ts [image…]`: a Docker engine to try things with, until Ctrl-C. Prints what to put into
 * the environment. Images by the names of test/images: `ragscale`, `nginx`, `haproxy`, `redis`.
 */
import { once } from 'node:events'
import { startEngine } from './engine.ts'

const engine = await startEngine()
try {
  for (const [name, value] of Object.entries(engine.env)) process.stdout.write(`export ${name}=${value}\n`)
  process.stderr.write('Ctrl-C ends it and removes everything of it.\n')
  const forever = setInterval(() => {}, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(forever)
} finally {
  await engine.close()
}
