import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'

export interface Import {
  readonly tag: string
  /** Instructions as a Dockerfile's. */
  readonly changes: readonly string[]
  /** In place of SIGTERM. */
  readonly stopSignal?: string
  /** Names the engine: `DOCKER_HOST`. */
  readonly env: Readonly<Record<string, string>>
}

/** The root folder of an image into an engine; what had the tag before goes, unless a container uses it. */
export async function importImage(folder: string, { tag, changes, env, stopSignal }: Import): Promise<void> {
  const { stdout: before } = await execa('docker', ['image', 'ls', '--quiet', tag], { env })
  const tar = spawn('tar', ['-C', folder, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const imported = execa(
    'docker',
    ['import', ...changes.flatMap((change) => ['--change', change]), '-', tag],
    { input: tar.stdout, env },
  )
  const [[code]] = await Promise.all([once(tar, 'exit'), imported])
  if (code !== 0) throw new Error(`tar ended with ${code}`)
  // An instruction that imports do not take; the builder within the engine needs no registry for it.
  if (stopSignal !== undefined)
    await execa('docker', ['build', '--quiet', '--tag', tag, '-'], {
      input: `FROM ${tag}\nSTOPSIGNAL ${stopSignal}\n`,
      env: { ...env, DOCKER_BUILDKIT: '0' },
    })
  if (before !== '') await execa('docker', ['image', 'rm', before], { env, reject: false })
}

/** Images of one engine into another, in seconds, where making them anew would take tens of them. */
export async function copyImages(
  tags: readonly string[],
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): Promise<void> {
  const save = spawn('docker', ['save', ...tags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...from },
  })
  const loaded = execa('docker', ['load', '--quiet'], { input: save.stdout, env: to })
  const [[code]] = await Promise.all([once(save, 'exit'), loaded])
  if (code !== 0) throw new Error(`docker save ended with ${code}`)
}
