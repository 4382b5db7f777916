import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ExitCode, UserError } from '../../errors.ts'

/** Absolute path of a service's main module, from the sources or from the build, as we are ourselves. */
export function serviceMain(service: string): string {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return fileURLToPath(new URL(`../../services/${service}/main${ending}`, import.meta.url))
}

/** As `serviceMain`; throws a UserError (exit 3) when this installation lacks the service. */
export function installedService(service: string): string {
  const main = serviceMain(service)
  if (existsSync(main)) return main
  throw new UserError(`this installation of ragscale lacks ${service}: there is no ${main}`, {
    hint: 'Install it again.',
    exitCode: ExitCode.missing,
    code: 'missing',
  })
}
