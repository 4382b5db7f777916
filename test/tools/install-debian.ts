import { access, rm, writeFile } from 'node:fs/promises'
import { run, say } from './command.ts'
import { findTool } from './find-tool.ts'
import type { Tool, ToolName } from './tools.ts'

export async function installDebian(name: ToolName, tool: Extract<Tool, { from: 'debian' }>): Promise<void> {
  if ((await findTool(name)) !== null) return
  await installPackages(name, [tool.package])
}

/** Debian packages, unless the program is there. Only root can; without root an error names the command. */
export async function installPackages(program: string, packages: readonly string[]): Promise<void> {
  if (await onPath(program)) return
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0) throw new Error(`missing, and only root can install it: ${command}`)
  say(`installing ${packages.join(', ')} (apt-get)`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await withoutStarting(() =>
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env }),
  )
}

async function onPath(program: string): Promise<boolean> {
  try {
    await run('sh', ['-c', 'command -v "$1"', 'sh', program])
    return true
  } catch {
    return false
  }
}

/** Debian starts a server when it is installed, unless a policy forbids it; a test wants the program alone. */
async function withoutStarting(install: () => Promise<unknown>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  const theirs = await access(policy).then(
    () => true,
    () => false,
  )
  if (theirs) {
    await install()
    return
  }
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await install()
  } finally {
    await rm(policy, { force: true })
  }
}
