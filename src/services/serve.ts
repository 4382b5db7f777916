/** `ragscale-serve <service>`: one service of ours as a process by itself, in a container or under systemd. */
import { ExitCode } from '../errors.ts'
import { ragscaleVersion } from '../version.ts'

/** What may be served, and its main module; importing it starts it. */
const mains: Readonly<Record<string, () => Promise<unknown>>> = {
  gateway: () => import('./gateway/main.ts'),
  worker: () => import('./worker/main.ts'),
  collection: () => import('./collection/main.ts'),
  'emulators/tei': () => import('./emulators/tei/main.ts'),
  'emulators/vllm': () => import('./emulators/vllm/main.ts'),
  'emulators/qdrant': () => import('./emulators/qdrant/main.ts'),
}

/** Resolves once the service is loaded; it then starts by its configuration (services/process.ts). */
export async function serve(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args
  const main = name === undefined ? undefined : mains[name]
  if (main !== undefined && rest.length === 0) {
    process.stderr.write(`ragscale ${ragscaleVersion()}: ${name}\n`)
    await main()
    return
  }
  const wrong =
    name === undefined
      ? 'which service?'
      : main === undefined
        ? `there is no service '${name}'`
        : `a service takes no arguments, but was given '${rest.join(' ')}'`
  process.stderr.write(
    `ragscale-serve: ${wrong}\n` +
      `usage: RAGSCALE_CONFIG=<file> ragscale-serve <service>, with one of: ${Object.keys(mains).join(', ')}\n`,
  )
  process.exit(ExitCode.usage)
}
