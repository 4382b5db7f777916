/** What somebody else's servers say they are, for a run's record: two runs are compared with it in mind. */
import { z } from 'zod'
import { callerOf } from '../../load/http.ts'
import type { Endpoint, EndpointName, Stack } from '../../stack/stack.ts'

type Env = Readonly<Record<string, string | undefined>>

const timeoutMs = 5_000

/** By endpoint: `tei 1.9.0`, `qdrant 1.18.2`, `vllm 0.11.0`; the protocol alone where a server does not say. */
export async function externalVersions(
  stack: Pick<Stack, 'endpoints'>,
  names: readonly EndpointName[],
  env: Env,
): Promise<Record<string, string>> {
  const known = await Promise.all(
    names.map(async (name) => {
      const endpoint = stack.endpoints[name]
      return endpoint === undefined ? [] : [[name, await versionOf(endpoint, env)] as const]
    }),
  )
  return Object.fromEntries(known.flat())
}

const tei = z.object({ version: z.string() })
const qdrant = z.object({ title: z.string(), version: z.string() })

/** A question that a server cannot answer costs the run a detail and nothing else. */
async function versionOf(endpoint: Endpoint, env: Env): Promise<string> {
  const { protocol } = endpoint
  switch (protocol) {
    case 'tei': {
      const info = tei.safeParse(await asked(endpoint, '/info', env))
      return info.success ? `tei ${info.data.version}` : protocol
    }
    case 'qdrant': {
      const root = qdrant.safeParse(await asked(endpoint, '/', env))
      return root.success ? `qdrant ${root.data.version}` : protocol
    }
    case 'openai': {
      // vLLM's, beside OpenAI's own paths; others answer 404.
      const said = tei.safeParse(await asked(endpoint, '/version', env))
      return said.success ? `vllm ${said.data.version}` : protocol
    }
    case 'ragscale':
    case 'http':
      return protocol
  }
}

async function asked(endpoint: Endpoint, path: string, env: Env): Promise<unknown> {
  const url = endpoint.url.replace(/\/+(v1\/*)?$/, '')
  const caller = await callerOf({ ...endpoint, urls: [url] }, env)
  try {
    const { status, text } = await caller.call(path, { timeoutMs })
    return status === 200 ? (JSON.parse(text) as unknown) : null
  } catch {
    return null
  } finally {
    await caller.close()
  }
}
