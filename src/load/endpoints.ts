/** From a stack to what one stage calls. Pure: secrets are named, never read. */
import { isIP, BlockList } from 'node:net'
import { providerOf } from '../catalog/provided.ts'
import { vectorKeyEnv } from '../catalog/reference/upstreams.ts'
import { ExitCode, UserError } from '../errors.ts'
import type { Endpoint, EndpointName, Stack } from '../stack/stack.ts'
import type { LoadStage, LoadTarget } from './plan.ts'

/** URLs of what runs, by endpoint, from the target that started it; several take turns. */
export type RunningUrls = Readonly<Partial<Record<EndpointName, readonly string[]>>>

const endpointOf: Readonly<Record<LoadStage, EndpointName>> = {
  embed: 'embed',
  retrieve: 'vector',
  rerank: 'rerank',
  generate: 'generate',
  pipeline: 'pipeline',
}

const protocolsOf: Readonly<Record<EndpointName, readonly Endpoint['protocol'][]>> = {
  embed: ['tei', 'openai'],
  vector: ['qdrant'],
  rerank: ['tei'],
  generate: ['openai'],
  pipeline: ['http', 'ragscale'],
}

/** What a stack of ours speaks, whichever target runs it. */
const ownProtocol: Readonly<Record<EndpointName, Endpoint['protocol']>> = {
  embed: 'tei',
  vector: 'qdrant',
  rerank: 'tei',
  generate: 'openai',
  pipeline: 'ragscale',
}

export interface TargetChoices {
  readonly unique?: boolean
  /** Ask the reference gateway for the whole answer at once. */
  readonly stream?: boolean
}

/** @throws UserError (exit 2) when the stack has no such endpoint, or one that does not suit the stage. */
export function targetOf(
  stage: LoadStage,
  stack: Stack,
  running: RunningUrls,
  choices: TargetChoices = {},
): LoadTarget {
  const target = endpointTarget(endpointOf[stage], stack, running)
  if (target === null) throw missing(stage, stack)
  return {
    ...target,
    ...(choices.unique === undefined ? {} : { unique: choices.unique }),
    ...(choices.stream === undefined ? {} : { stream: choices.stream }),
  }
}

/** As `targetOf`, by the name of an endpoint; null when the stack has none. For what preparing queries needs. */
export function endpointTarget(name: EndpointName, stack: Stack, running: RunningUrls): LoadTarget | null {
  const { topK, outputTokens } = stack.workload
  const shared = { topK, outputTokens, ...collectionOf(name, stack) }
  if (stack.target !== 'external') {
    const provider = providerTarget(name, stack)
    if (provider !== null) return { ...provider, ...shared }
    const urls = running[name]
    if (urls === undefined || urls.length === 0) return null
    const model =
      name === 'embed' || name === 'rerank' || name === 'generate' ? stack.tiers[name]?.model : undefined
    return {
      urls: [...urls],
      protocol: ownProtocol[name],
      ...(model === undefined ? {} : { model }),
      ...(name === 'vector' && hasOwnKey(stack) ? { apiKeyEnv: vectorKeyEnv } : {}),
      ...shared,
    }
  }
  const endpoint = stack.endpoints[name]
  if (endpoint === undefined) return null
  checkEndpoint(name, endpoint)
  const { url, protocol, model, collection, body, answer, apiKeyEnv, headersEnv, caFile, certFile, keyFile } =
    endpoint
  return {
    urls: [url],
    protocol,
    ...shared,
    ...given({ model, collection, body, answer, apiKeyEnv, caFile, certFile, keyFile }),
    ...(headersEnv === undefined ? {} : { headersEnv: { ...headersEnv } }),
  }
}

/** A Qdrant that was rendered wants the key that was made for it; an emulator asks for none. */
function hasOwnKey({ target, rehearse, tiers }: Stack): boolean {
  return target !== 'local' && !rehearse && tiers.vector?.component === 'qdrant'
}

/** The API provider that runs a tier; null where servers of ours do. Its address needs nothing to be running. */
export function providerTarget(name: EndpointName, stack: Stack): LoadTarget | null {
  if (name !== 'embed' && name !== 'generate') return null
  const provider = providerOf(stack, name)
  const model = stack.tiers[name]?.model
  if (provider === undefined) return null
  const { url, apiKeyEnv } = provider
  return { urls: [url], protocol: 'openai', apiKeyEnv, ...(model === undefined ? {} : { model }) }
}

function given<T extends Record<string, string | undefined>>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string
  }
}

function collectionOf(name: EndpointName, stack: Stack): { collection?: string } {
  const collection = stack.tiers.vector?.collection.name
  return name === 'vector' && collection !== undefined ? { collection } : {}
}

function missing(stage: LoadStage, stack: Stack): UserError {
  const name = endpointOf[stage]
  const external = stack.target === 'external'
  return new UserError(
    external
      ? `${stack.file} names no endpoint \`${name}\`, which stage ${stage} loads`
      : `nothing is running that stage ${stage} could load (endpoint \`${name}\`)`,
    {
      hint: external
        ? `add endpoints.${name}: { url: …, protocol: ${protocolsOf[name].join(' | ')} }`
        : 'ragscale up, or ragscale status to see what runs',
      exitCode: external ? ExitCode.usage : ExitCode.unhealthy,
      code: external ? 'config' : 'unhealthy',
    },
  )
}

function checkEndpoint(name: EndpointName, endpoint: Endpoint): void {
  const refuse = (message: string, hint: string): never => {
    throw new UserError(`endpoints.${name}: ${message}`, { hint, exitCode: ExitCode.usage, code: 'config' })
  }
  const protocols = protocolsOf[name]
  if (!protocols.includes(endpoint.protocol)) {
    refuse(`protocol ${endpoint.protocol} does not suit it`, `use ${protocols.join(' or ')}`)
  }
  if (endpoint.protocol === 'qdrant' && endpoint.collection === undefined)
    refuse('no collection is named', 'add collection: <name>')
  if (name === 'generate' && endpoint.model === undefined)
    refuse('no model is named', 'add model: <name>, as /v1/models lists it')
  if (endpoint.protocol === 'http') checkTemplate(endpoint, refuse)
}

function checkTemplate({ body, answer }: Endpoint, refuse: (message: string, hint: string) => never): void {
  const example = `body: '{"question": {{query}}}'`
  if (body === undefined || !body.includes('{{query}}'))
    return refuse('its body has no {{query}} in it', `for example ${example}`)
  try {
    JSON.parse(body.replaceAll('{{query}}', '"a"'))
  } catch {
    refuse(
      'its body is not JSON once {{query}} is replaced by a text in quotes',
      `write {{query}} without quotes of its own: ${example}`,
    )
  }
  if (answer === undefined) return refuse('nothing says where the answer is', 'add answer: $.answer')
  if (!/^\$(\.[\w$-]+|\[\d+\]|\['[^']*'\])*$/.test(answer)) {
    refuse(
      `answer ${answer} is not a path`,
      "a path is $ and then .name, ['name'] or [0], for example $.choices[0].text",
    )
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether a URL can only reach this machine: 127.0.0.0/8, ::1, localhost and names below it (RFC 6761). */
export function isLoopback(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const family = isIP(host)
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost')
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
