/** `ragscale-serve`, and that what it is packed into is of the version that it says. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test, vi } from 'vitest'
import { finalInstructions } from '../../images/dockerfile.ts'

vi.setConfig({ testTimeout: 30_000 })

const serve = new URL('../../../src/services/serve.ts', import.meta.url).href
const dockerfile = fileURLToPath(new URL('../../../templates/image/Dockerfile', import.meta.url))

async function run(args: readonly string[]) {
  const script = `const { serve } = await import(${JSON.stringify(serve)}); await serve(${JSON.stringify(args)})`
  return await execa(process.execPath, ['--input-type=module', '--eval', script], {
    reject: false,
    extendEnv: false,
  })
}

test.each([
  [[], 'which service?'],
  [['balancers'], "there is no service 'balancers'"],
  [['gateway', '--port=1'], 'a service takes no arguments'],
])('%j is refused with the names that there are', async (args, because) => {
  const { exitCode, stderr } = await run(args)
  expect(exitCode).toBe(2)
  expect(stderr).toContain(because)
  expect(stderr).toContain('gateway, worker, collection, emulators/tei, emulators/vllm, emulators/qdrant')
})

test.each(['gateway', 'worker', 'collection', 'emulators/tei', 'emulators/vllm', 'emulators/qdrant'])(
  '%s begins, and without a configuration says where it looks for one',
  async (name) => {
    const { exitCode, stderr } = await run([name])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('RAGSCALE_CONFIG must name a JSON file')
  },
)

test('the Dockerfile installs the version that this is, everywhere that it names one', async () => {
  const { version } = JSON.parse(
    await readFile(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  const text = await readFile(dockerfile, 'utf8')
  const named = [...text.matchAll(/(?:RAGSCALE_VERSION=|ragscale:)(\d\S*)/g)].map(([, name]) => name)
  expect(new Set(named)).toEqual(new Set([version]))
})

test('the Dockerfile’s image runs a service, as nobody who is root', async () => {
  expect(finalInstructions(await readFile(dockerfile, 'utf8'), '/bin')).toEqual([
    'ENV NODE_ENV=production PATH=/app/bin:/bin',
    'USER 1000:1000',
    'WORKDIR /app',
    'ENTRYPOINT ["ragscale-serve"]',
  ])
})
