/**
 * `node test/engine/start.ts [image…]`: a Docker engine to try things with, until Ctrl-C. Prints what to put into
 * the environment. Images by their names in test/images, `ragscale nginx redis`: in it they are `ragscale:test` and so on.
 */
import { once } from 'node:events'
import { isImageName, makeImages } from '../images/make.ts'
import { startEngine } from './engine.ts'

const engine = await startEngine()
try {
  await makeImages(process.argv.slice(2).filter(isImageName), engine.env)
  for (const [name, value] of Object.entries(engine.env)) process.stdout.write(`export ${name}=${value}\n`)
  process.stderr.write('Ctrl-C ends it and removes everything of it.\n')
  const forever = setInterval(() => {}, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(forever)
} finally {
  await engine.close()
}
