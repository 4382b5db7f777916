/**
 * Images of others' software, made without a registry: the real program, as test/tools gets it, with the user, the
 * folders and the signal to stop of the image that its makers publish.
 */
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTool } from '../tools/find-tool.ts'
import { type ToolName, howToGet } from '../tools/tools.ts'
import { type Import, importImage } from './import.ts'
import { type User, addProgram, layOut } from './root-folder.ts'

interface Software {
  readonly programs: readonly ToolName[]
  readonly user: User
  /** Folders of the user's. */
  readonly owned: readonly string[]
  readonly changes: readonly string[]
  /** In place of SIGTERM. */
  readonly stopSignal?: string
  /** Absolute in the image → text of a shell script. */
  readonly scripts?: Readonly<Record<string, string>>
}

const path = 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin'

/**
 * The wheel's nginx is built without stub_status, and with a configuration's place in its working folder. Everything
 * else is run as it was rendered.
 */
const nginxAsInstalled = `#!/bin/sh
from=/etc/nginx/nginx.conf
if [ "$1" = -c ]; then from=$2; shift 2; fi
copy() { sed 's/stub_status;/return 204;/' "$from" >/tmp/nginx.conf; }
copy || exit
nginx.bin -p /tmp -c /tmp/nginx.conf "$@" &
# What it is told to read again is what is mounted now.
trap 'copy; kill -HUP $!' HUP
trap 'kill -QUIT $!' QUIT
trap 'kill -TERM $!' TERM INT
# A signal ends a wait, and not what it waits for.
while wait $!; code=$?; kill -0 $! 2>/dev/null; do :; done
exit $code
`

const software = {
  nginx: {
    programs: ['nginx'],
    user: { name: 'nginx', id: 101 },
    owned: ['etc/nginx'],
    changes: ['CMD ["nginx", "-g", "daemon off;"]'],
    stopSignal: 'SIGQUIT',
    scripts: { 'usr/sbin/nginx': nginxAsInstalled },
  },
  haproxy: {
    programs: ['haproxy'],
    user: { name: 'haproxy', id: 99 },
    owned: ['usr/local/etc/haproxy', 'var/lib/haproxy'],
    stopSignal: 'SIGUSR1',
    changes: ['CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]'],
  },
  redis: {
    programs: ['redis-server', 'redis-cli'],
    user: { name: 'redis', id: 999 },
    owned: ['data'],
    changes: ['WORKDIR /data', 'CMD ["redis-server"]'],
  },
} as const satisfies Record<string, Software>

export type SoftwareName = keyof typeof software

/** Throws what is missing and how to get it. */
export async function makeSoftware(name: SoftwareName, { tag, env }: Omit<Import, 'changes'>): Promise<void> {
  const { programs, user, owned, changes, stopSignal, scripts = {} }: Software = software[name]
  const image = await mkdtemp(join(tmpdir(), 'ragscale-image-'))
  try {
    await layOut(image, user, owned)
    for (const program of programs) {
      const found = await findTool(program)
      if (found === null) throw new Error(`no ${program} on this machine: ${howToGet(program)}`)
      await addProgram(image, found, 'usr/sbin')
    }
    for (const [at, text] of Object.entries(scripts)) {
      await rename(join(image, at), join(image, `${at}.bin`))
      await writeFile(join(image, at), text)
      await chmod(join(image, at), 0o755)
    }
    // As `mkdtemp` made it, nobody but root could enter it.
    await chmod(image, 0o755)
    await importImage(image, {
      tag,
      env,
      changes: [path, ...changes, `USER ${user.id}:${user.id}`],
      ...(stopSignal === undefined ? {} : { stopSignal }),
    })
  } finally {
    await rm(image, { recursive: true, force: true })
  }
}
