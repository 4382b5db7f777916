/** `node test/images/make.ts [name…]`: makes images without a registry, in the engine that `DOCKER_HOST` names. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { makeRagscale } from './ragscale.ts'
import { makeSoftware } from './software.ts'

export const imageNames = ['ragscale', 'nginx', 'haproxy', 'redis'] as const
export type ImageName = (typeof imageNames)[number]

export function tagOf(name: ImageName): string {
  return `${name}:test`
}

/** What rendered files call our own image. */
export async function publishedTag(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return `ragscale:${(JSON.parse(text) as { version: string }).version}`
}

/**
 * Makes `<name>:test` of each, and of our own also the tag that rendered files name. `env` names the engine.
 * Throws what is missing, in words.
 */
export async function makeImages(
  names: readonly ImageName[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const name of names) {
    const tag = tagOf(name)
    if (name === 'ragscale') {
      await makeRagscale({ tag, env })
      await execa('docker', ['tag', tag, await publishedTag()], { env })
    } else await makeSoftware(name, { tag, env })
  }
}

export function isImageName(name: string): name is ImageName {
  return imageNames.some((known) => known === name)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2)
  const unknown = asked.filter((name) => !isImageName(name))
  if (unknown.length > 0)
    throw new Error(`no image ${unknown.join(', ')}; there are ${imageNames.join(', ')}`)
  const names = asked.length === 0 ? imageNames : asked.filter(isImageName)
  await makeImages(names)
  process.stdout.write(`${names.map(tagOf).join('\n')}\n`)
}
