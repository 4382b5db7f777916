/**
 * The image of ragscale's own services, made without a registry.
 *
 * What the Dockerfile takes from an image of Node's makers comes from this machine: the Node that runs this, its
 * libraries, busybox as a shell, the certificates. What the Dockerfile does itself is done alike: the package is
 * packed and installed, and its last stage's instructions are those of the image. It takes some seconds and 110 MB.
 */
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { finalInstructions } from './dockerfile.ts'
import { type Import, importImage } from './import.ts'
import { addProgram, layOut } from './root-folder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const path = '/usr/local/bin:/usr/bin:/bin'

/** Throws what is missing, in words. */
export async function makeRagscale({ tag, env }: Omit<Import, 'changes'>): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'ragscale-image-'))
  try {
    const image = join(work, 'root')
    await layOut(image, { name: 'node', id: 1000 }, ['data'])
    await addProgram(image, process.execPath, 'usr/local/bin')
    await installPackage(work, image)
    const dockerfile = await readFile(join(root, 'templates', 'image', 'Dockerfile'), 'utf8')
    const changes = [`ENV PATH=${path}`, ...finalInstructions(dockerfile, path)]
    await importImage(image, { tag, env, changes })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** As the Dockerfile's first stage does, into `/app`. */
async function installPackage(work: string, image: string): Promise<void> {
  await mkdir(join(image, 'app'))
  // The npm of the Node that runs this, where it has one beside it.
  const env = { PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }
  await execa('npm', ['pack', '--pack-destination', work], { cwd: root, env })
  const archive = (await readdir(work)).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Error('npm pack made no package')
  const install =
    'install --global --omit=dev --omit=optional --omit=peer --ignore-scripts --no-audit --no-fund'
  await execa(
    'npm',
    [...install.split(' '), '--prefer-offline', '--prefix', join(image, 'app'), join(work, archive)],
    { cwd: work, env },
  )
  const unread = ['*.d.ts', '*.d.mts', '*.d.cts', '*.map'].flatMap((name) => ['-o', '-name', name]).slice(1)
  await execa('find', [join(image, 'app'), '(', ...unread, ')', '-delete'])
}
