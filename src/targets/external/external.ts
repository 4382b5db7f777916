import { ExitCode, UserError } from '../../errors.ts'
import { callerOf, networkMessage } from '../../load/http.ts'
import { type Endpoint, type EndpointName, type Stack, endpointNames } from '../../stack/stack.ts'
import type { Observed, ReplicaState, RunningEndpoints, StackTarget } from '../target.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Services that somebody else runs: there is nothing to start or stop, only to look at. */
export function externalTarget(env: Env): StackTarget {
  return {
    name: 'external',
    observe: async (stack) => await observe(stack, env),
    plan: () => [],
    planDown: () => [],
    execute: async () => {},
    endpoints,
    sample: async () => [],
    logs: () => {
      throw new UserError('the logs of an external stack are where it runs', {
        exitCode: ExitCode.usage,
        code: 'target',
      })
    },
    lock: async () => ({ release: async () => {} }),
  }
}

async function observe(stack: Stack, env: Env): Promise<Observed> {
  const named = endpointNames.flatMap((name) => {
    const endpoint = stack.endpoints[name]
    return endpoint === undefined ? [] : [[name, endpoint] as const]
  })
  const replicas = await Promise.all(named.map(async ([name, endpoint]) => await look(name, endpoint, env)))
  return {
    running: replicas.some(({ state }) => state === 'healthy'),
    replicas,
    kept: [],
    notes: ['external: somebody else runs these; ragscale neither starts nor stops them'],
  }
}

async function look(name: EndpointName, endpoint: Endpoint, env: Env): Promise<ReplicaState> {
  const because = await whyNot(name, endpoint, env)
  return {
    name,
    tier: name,
    replica: 'endpoint',
    component: endpoint.protocol,
    state: because === null ? 'healthy' : 'unhealthy',
    because,
    url: endpoint.url,
    pid: null,
    startedAt: null,
    restarts: 0,
    cpuCores: null,
    memoryBytes: null,
    lastLines: [],
  }
}

/** Null when it answers as its protocol should. A service of any protocol is asked for nothing: an answer is enough. */
async function whyNot(name: EndpointName, endpoint: Endpoint, env: Env): Promise<string | null> {
  const { topK, outputTokens } = { topK: 1, outputTokens: 1 }
  const caller = await callerOf({ ...endpoint, urls: [endpoint.url], topK, outputTokens }, env)
  const path = healthPath(endpoint)
  try {
    const { status } = await caller.call(path, { timeoutMs: 5_000 })
    if (endpoint.protocol === 'http') return null
    // Not every server that speaks OpenAI's API lists its models.
    if (status === 404 && endpoint.protocol === 'openai') return null
    if (status === 401 || status === 403) return `it answered ${status}: the key is missing or wrong`
    return status < 400 ? null : `GET ${path} answered ${status}`
  } catch (error) {
    return `${name}: ${networkMessage(error)}`
  } finally {
    await caller.close()
  }
}

function healthPath({ protocol, url }: Endpoint): string {
  switch (protocol) {
    case 'tei':
      return '/health'
    case 'openai':
      return /\/v1\/?$/.test(url) ? '/models' : '/v1/models'
    case 'qdrant':
      // Asked for with the key, so that a wrong one shows.
      return '/collections'
    case 'ragscale':
      return '/readyz'
    case 'http':
      return ''
  }
}

/** Every endpoint that the stack names, whether or not it answers. */
export function endpointUrls({ endpoints }: Pick<Stack, 'endpoints'>): RunningEndpoints {
  return Object.fromEntries(
    endpointNames.flatMap((name) => {
      const url = endpoints[name]?.url
      return url === undefined ? [] : [[name, [url]]]
    }),
  )
}

function endpoints({ replicas }: Observed): RunningEndpoints {
  return Object.fromEntries(replicas.flatMap(({ tier, url }) => (url === null ? [] : [[tier, [url]]])))
}
