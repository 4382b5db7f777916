/** The root folder of an image, as an image of its makers would have it: a shell, certificates, programs and their libraries. */
import { chmod, chown, cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { execa } from 'execa'

export interface User {
  readonly name: string
  readonly id: number
}

const certificates = '/etc/ssl/certs/ca-certificates.crt'
const folders = 'bin usr/bin usr/sbin usr/local/bin etc/ssl/certs tmp proc sys dev'.split(' ')

/** `owned`: folders of the user's, absolute in the image. */
export async function layOut(image: string, user: User, owned: readonly string[] = []): Promise<void> {
  for (const folder of [...folders, ...owned]) await mkdir(join(image, folder), { recursive: true })
  await chmod(join(image, 'tmp'), 0o1777)
  for (const folder of owned) await chown(join(image, folder), user.id, user.id)
  const { name, id } = user
  await writeFile(
    join(image, 'etc/passwd'),
    `root:x:0:0:root:/root:/bin/sh\n${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`,
  )
  await writeFile(join(image, 'etc/group'), `root:x:0:\n${name}:x:${id}:\n`)
  await cp(certificates, join(image, certificates)).catch((error: unknown) => {
    throw new Error(`no ${certificates}: apt-get install ca-certificates`, { cause: error })
  })
  await addShell(image)
}

async function addShell(image: string): Promise<void> {
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

/** A program of this machine, and the libraries that it is linked with at the paths where its loader looks. */
export async function addProgram(image: string, program: string, folder: string): Promise<void> {
  await cp(await realpath(program), join(image, folder, basename(program)))
  const { stdout } = await execa('ldd', [program], { reject: false })
  const libraries = stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)
  for (const [, library = ''] of libraries) {
    await mkdir(join(image, dirname(library)), { recursive: true })
    await cp(await realpath(library), join(image, library))
  }
}
