import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, say } from './command.ts'
import { binFolder, cacheFolder } from './find-tool.ts'
import type { Tool } from './tools.ts'

type GoTool = Extract<Tool, { from: 'go' }>

/** Built again when its module's files or the toolchain are others. */
export async function installFromGo(name: string, tool: GoTool): Promise<void> {
  const folder = fileURLToPath(new URL(tool.module, import.meta.url))
  const toolchain = await run('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], { cwd: folder })
  const wanted = await hashOf(folder, toolchain)
  const stamp = join(cacheFolder, 'built', `${name}.sha256`)
  if ((await isThere(name)) && (await textOf(stamp)) === wanted) return

  say(`building ${name} (${tool.package}; minutes, the first time)`)
  const program = join(binFolder, name)
  // A user's own flags (`-p=1`, to leave a machine to others) first.
  const goflags = `${process.env['GOFLAGS'] ?? ''} -mod=readonly -buildvcs=false`.trim()
  const env = { CGO_ENABLED: '0', GOFLAGS: goflags }
  const linked = Object.entries(tool.linked ?? {}).map(([variable, value]) => `-X ${variable}=${value}`)
  const flags = ['-trimpath', '-ldflags', ['-s -w', await versionFlag(tool, folder), ...linked].join(' ')]
  // `nice`: beside whatever else the machine does.
  await run('nice', ['go', 'build', ...flags, '-o', `${program}.new`, tool.package], { cwd: folder, env })
  await rename(`${program}.new`, program)
  await mkdir(dirname(stamp), { recursive: true })
  await writeFile(stamp, wanted)
}

async function versionFlag({ version }: GoTool, folder: string): Promise<string> {
  if (version === undefined) return ''
  const pinned = await run('go', ['list', '-m', '-f', '{{.Version}}', version.of], { cwd: folder })
  return `-X ${version.variable}=${pinned.trim()}`
}

async function hashOf(folder: string, toolchain: string): Promise<string> {
  const hash = createHash('sha256').update(toolchain)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) hash.update(file.slice(folder.length)).update(await readFile(file))
  return hash.digest('hex')
}

async function isThere(name: string): Promise<boolean> {
  return (await readdir(binFolder)).includes(name)
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return null
  }
}
