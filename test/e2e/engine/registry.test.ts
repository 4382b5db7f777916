/** Images from a real registry, pulled by `up`: with Docker Compose, and by the engine alone. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import type { EngineEnv } from '../../engine/engine.ts'
import {
  type Registry,
  type RegistryOptions,
  login,
  startRegistry,
  whyNoRegistry,
} from '../../engine/registry.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

const missing = await whyNoRegistry()
const mebibyte = 2 ** 20

describeWithEngine('an image that a stack needs', (shared) => {
  if (missing !== null) {
    test.skip(`NOT CHECKED: ${missing}`, () => {})
    return
  }
  describe.each([
    { with: 'docker compose', plugin: true },
    { with: 'the engine alone', plugin: false },
  ])('and that is in a registry, with $with,', ({ plugin }) => {
    let registry: Registry
    let place: EnginePlace
    let config = ''
    let image = ''

    async function open(options: RegistryOptions = {}, bytes = 15.5 * mebibyte): Promise<void> {
      registry = await startRegistry(options)
      config = plugin ? shared.DOCKER_CONFIG : await mkdtemp(join(tmpdir(), 'ragscale-no-plugins-'))
      const env: EngineEnv = { ...shared, DOCKER_CONFIG: config }
      place = await enginePlace(env, embedOnly(1))
      image = await registry.publish('nginx:test', 'some/nginx:1', bytes, shared)
      await use(image)
    }

    async function use(name: string): Promise<void> {
      await place.write(embedOnly(1).replace("'nginx:test'", `'${name}'`))
    }

    /** As `docker login` leaves it. */
    async function loggedIn(auths: object): Promise<void> {
      await writeFile(join(config, 'config.json'), JSON.stringify({ auths }))
    }

    afterEach(async () => {
      await place.leave()
      await place.docker('image', 'rm', '--force', image).catch(() => {})
      await loggedIn({})
      if (!plugin) await rm(config, { recursive: true })
      await registry.close()
    })

    test('is pulled before anything starts, with its bytes counted on lines of its own', async () => {
      await open()
      registry.slow(6 * mebibyte)
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
      const lines = up.stderr.split('\n').filter((line) => line.startsWith(image))
      expect(lines[0]).toMatch(/asking the registry$/)
      expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/pulling [\d.]+ \w+ of 16 MiB$/)]))
      expect(lines.at(-1)).toMatch(/completed +is there, 16 MiB pulled$/)
      // A log that is kept shall not be full of them.
      expect(lines.length, up.stderr).toBeLessThan(8)
      expect(up.stderr.indexOf(lines.at(-1) ?? '')).toBeLessThan(up.stderr.indexOf('embed-1'))
      expect(await place.json('up')).toMatchObject({ changes: [] })
    })

    test('is said not to be there, and nothing is started', async () => {
      await open({}, 1_000)
      await use(`${registry.address}/some/nginx:2`)
      const up = await place.ragscale('up')
      expect(up.exitCode, up.stderr).toBe(3)
      expect(up.stderr).toContain(`${registry.address}/some/nginx:2 could not be pulled: manifest`)
      expect(up.stderr).toContain('tiers.<tier>.image')
      expect(await place.containers()).toEqual([])
    })

    test('wants a login: the message says which, and what docker login left is used and not shown', async () => {
      await open({ wantsLogin: true }, 1_000)
      const up = await place.ragscale('up')
      expect(up.exitCode, up.stderr).toBe(3)
      expect(up.stderr).toContain(`${image} could not be pulled: its registry wants a login`)
      expect(up.stderr).toContain(`docker login ${registry.address}`)
      await loggedIn(registry.auths('another-word'))
      const refused = await place.ragscale('up')
      expect(refused.exitCode, refused.stderr).toBe(3)
      expect(refused.stderr).toContain('its registry does not take what docker login left for it')
      await loggedIn(registry.auths())
      const again = await place.ragscale('up')
      expect(again, again.stderr).toMatchObject({ exitCode: 0 })
      const written = await Promise.all(
        (await place.files()).map(async (path) => await readFile(join(place.folder, path), 'utf8')),
      )
      const encoded = Buffer.from(`${login.username}:${login.password}`).toString('base64')
      for (const text of [up, refused, again]
        .flatMap(({ stdout, stderr }) => [stdout, stderr])
        .concat(written)) {
        expect(text).not.toContain(login.password)
        expect(text).not.toContain(encoded)
      }
    })

    test('is pulled to its end where the registry is cut off in the middle and comes back', async () => {
      await open({}, 23.5 * mebibyte)
      registry.slow(6 * mebibyte)
      const up = place.start('up')
      let said = ''
      up.stderr.on('data', (text: Buffer) => (said += text.toString()))
      await expect.poll(() => registry.sent, { timeout: 30_000, interval: 20 }).toBeGreaterThan(8 * mebibyte)
      await registry.cut()
      await expect.poll(() => said, { timeout: 90_000 }).toMatch(/: asked again in \d+s/)
      await registry.mend()
      const { exitCode, stderr } = await up
      expect(exitCode, stderr).toBe(0)
      expect(stderr).toMatch(/is there, 24 MiB pulled/)
    })

    test('is given up where its registry stays away, with what to do', async () => {
      await open({}, 1_000)
      await registry.cut()
      const up = await place.ragscale('up')
      expect(up.exitCode, up.stderr).toBe(3)
      expect(up.stderr).toMatch(/connection refused: asked again in 1s/)
      expect(up.stderr).toContain('Is the registry reachable from the engine?')
      expect(await place.containers()).toEqual([])
      await registry.mend()
      expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    })
  })
})
