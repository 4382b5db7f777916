/** Services as they are wanted: what is rendered, as Compose makes of it with a user's own file and variables. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve as absolute } from 'node:path'
import { ExitCode, UserError } from '../../errors.ts'
import type { Topology } from '../../render/topology.ts'
import type { Env } from '../docker/context.ts'
import { type AloneModel, aloneModel, variablesOf } from './alone/model.ts'
import { appliedFile } from './applied.ts'
import type { Places } from './places.ts'
import { type ComposeTool, callCompose } from './tool.ts'
import { type WantedService, composeModel, wantedServices } from './wanted.ts'

export interface Texts {
  readonly rendered: string
  /** What ragscale itself puts over it; undefined: nothing. */
  readonly applied: string | undefined
}

/** @throws UserError: exit 2 for an override that cannot be read, 3 for one that only Docker Compose could */
export async function resolveServices(
  texts: Texts,
  topology: Topology,
  tool: ComposeTool,
  { places, env }: { readonly places: Places; readonly env: Env },
): Promise<WantedService[]> {
  if (tool.kind === 'none') {
    if (await isThere(places.override)) throw onlyCompose(tool.because, places)
    return wantedAlone(await readAlone(texts, places, env), topology, places)
  }
  const scratch = await mkdtemp(join(tmpdir(), 'ragscale-compose-'))
  try {
    const file = join(scratch, 'compose.yaml')
    await writeFile(file, texts.rendered)
    const placed = join(scratch, appliedFile)
    if (texts.applied !== undefined) await writeFile(placed, texts.applied)
    const files = [
      file,
      ...((await isThere(places.override)) ? [places.override] : []),
      ...(texts.applied === undefined ? [] : [placed]),
    ]
    const call = { files, folder: places.compose, project: topology.stack.name }
    const [model, hashes] = await Promise.all([
      asked(callCompose(tool, { ...call, args: ['config', '--format', 'json'] }, env), places),
      asked(callCompose(tool, { ...call, args: ['config', '--hash', '*'] }, env), places),
    ])
    return wantedServices(composeModel.parse(JSON.parse(model)), hashesOf(hashes), topology)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The same without Docker Compose. */
export async function readAlone(
  { rendered, applied }: Texts,
  { compose }: Pick<Places, 'compose'>,
  env: Env,
): Promise<AloneModel> {
  const written = await readFile(join(compose, '.env'), 'utf8').catch(() => '')
  return aloneModel(rendered, { applied, variables: { ...variablesOf(written), ...env } })
}

function wantedAlone(model: AloneModel, topology: Topology, { compose }: Places): WantedService[] {
  const services = Object.entries(model.services).map(([name, { build, ...service }]) => [
    name,
    { ...service, ...(build === undefined ? {} : { build: { context: absolute(compose, build) } }) },
  ])
  const parsed = composeModel.parse({ services: Object.fromEntries(services) })
  return wantedServices(parsed, model.hashes, topology)
}

function onlyCompose(because: string, { override }: Places): UserError {
  return new UserError(`only Docker Compose can read ${override}, and ${because}`, {
    hint: 'https://docs.docker.com/compose/install/linux/   or move the file away',
    exitCode: ExitCode.missing,
    code: 'docker-compose',
  })
}

async function asked(call: ReturnType<typeof callCompose>, places: Places): Promise<string> {
  const { stdout, stderr, failed } = await call
  if (!failed) return stdout
  const says = stderr.trim().split('\n').at(-1) ?? ''
  throw new UserError(`docker compose cannot read the stack: ${says}`, {
    hint: `Look at ${places.override} and ${dirname(places.override)}/.env: what ragscale renders by itself is tested with it.`,
    exitCode: ExitCode.usage,
    code: 'compose-config',
  })
}

/** A line each: name and hash. */
function hashesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(([name = '', hash = '']) => [name, hash]),
  )
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
