/**
 * Makes the image of ragscale's own services without a registry: `node test/images/make.ts [tag]`.
 *
 * What the Dockerfile takes from an image of Node's makers comes from this machine: the Node that runs this, its
 * libraries, busybox as a shell, the certificates. What the Dockerfile does itself is done alike: the package is
 * packed and installed, and its last stage's instructions are those of the image. It takes some seconds and 110 MB.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { finalInstructions } from './dockerfile.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const path = '/usr/local/bin:/usr/bin:/bin'
const certificates = '/etc/ssl/certs/ca-certificates.crt'

/** Imports the image under `tag` into the engine that `DOCKER_HOST` names. Throws what is missing, in words. */
export async function makeImage(tag = 'ragscale:test'): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'ragscale-image-'))
  try {
    const image = join(work, 'root')
    await layOut(image)
    await installNode(image)
    await installPackage(work, image)
    const dockerfile = await readFile(join(root, 'templates', 'image', 'Dockerfile'), 'utf8')
    await importImage(image, tag, finalInstructions(dockerfile, path))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function layOut(image: string): Promise<void> {
  for (const folder of [
    'bin',
    'usr/bin',
    'usr/local/bin',
    'etc/ssl/certs',
    'app',
    'data',
    'tmp',
    'proc',
    'sys',
    'dev',
  ])
    await mkdir(join(image, folder), { recursive: true })
  await chmod(join(image, 'tmp'), 0o1777)
  await chown(join(image, 'data'), 1000, 1000)
  await writeFile(
    join(image, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n',
  )
  await writeFile(join(image, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  await cp(certificates, join(image, certificates)).catch((error: unknown) => {
    throw new Error(`no ${certificates}: apt-get install ca-certificates`, { cause: error })
  })
  const busybox = await findBusybox()
  await cp(busybox, join(image, 'bin/busybox'))
  const { stdout } = await execa(busybox, ['--list'])
  for (const applet of stdout.split('\n')) {
    // `env` is where the first line of a script looks for it.
    const folder = applet === 'env' ? 'usr/bin' : 'bin'
    if (applet !== 'busybox') await symlink('/bin/busybox', join(image, folder, applet))
  }
}

async function findBusybox(): Promise<string> {
  for (const candidate of ['/bin/busybox', '/usr/bin/busybox']) {
    const { stdout, stderr } = await execa('ldd', [candidate], { reject: false })
    if (/not a dynamic executable|statically linked/.test(`${stdout}${stderr}`)) return candidate
  }
  throw new Error('no busybox that is linked statically: apt-get install busybox-static')
}

/** This Node, and the libraries that it is linked with at the paths where its loader looks. */
async function installNode(image: string): Promise<void> {
  await cp(process.execPath, join(image, 'usr/local/bin/node'))
  const { stdout } = await execa('ldd', [process.execPath])
  const libraries = stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)
  for (const [, library = ''] of libraries) {
    await mkdir(join(image, dirname(library)), { recursive: true })
    await cp(await realpath(library), join(image, library))
  }
}

/** As the Dockerfile's first stage does, into `/app`. */
async function installPackage(work: string, image: string): Promise<void> {
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

async function importImage(image: string, tag: string, changes: readonly string[]): Promise<void> {
  const { stdout: before } = await execa('docker', ['image', 'ls', '--quiet', tag])
  const tar = spawn('tar', ['-C', image, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const imported = execa(
    'docker',
    ['import', ...[`ENV PATH=${path}`, ...changes].flatMap((change) => ['--change', change]), '-', tag],
    { input: tar.stdout },
  )
  const [[code]] = await Promise.all([once(tar, 'exit'), imported])
  if (code !== 0) throw new Error(`tar ended with ${code}`)
  // The one that had the tag; where a container still uses it, it stays.
  if (before !== '') await execa('docker', ['image', 'rm', before], { reject: false })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [tag = 'ragscale:test'] = process.argv.slice(2)
  await makeImage(tag)
  process.stdout.write(`${tag}\n`)
}
