/** The stack as a run keeps it: what was measured, without secrets and without the user's folders. */
import { z } from 'zod'
import type { Endpoint, Stack } from '../stack/stack.ts'

/** A stack that may be shown and sent: no absolute paths, no credentials. */
export type RecordedStack = Omit<Stack, 'file' | 'folder'>

const tier = z.looseObject({ component: z.string() })
const shape = z.looseObject({
  name: z.string(),
  target: z.string(),
  tiers: z.record(z.string(), tier),
  balancer: z.looseObject({ component: z.string(), policy: z.string() }),
  workload: z.looseObject({ rate: z.number(), arrivals: z.looseObject({ kind: z.string() }) }),
  slo: z.array(z.looseObject({ on: z.string(), stage: z.string(), metric: z.string(), limit: z.number() })),
  limits: z.looseObject({}),
  endpoints: z.record(z.string(), z.looseObject({ url: z.string() })),
})

/** With what stacks did not have when older runs were recorded. */
export const recordedStack = z
  .custom<RecordedStack>((value) => shape.safeParse(value).success, 'is not a stack')
  .transform((stack): RecordedStack => {
    const older: Partial<RecordedStack> = stack
    const { vector } = stack.tiers
    return {
      ...stack,
      rehearse: older.rehearse ?? false,
      support: older.support ?? {},
      balancer: { ...stack.balancer, replicas: older.balancer?.replicas ?? 1 },
      tiers: {
        ...stack.tiers,
        ...(vector?.collection && {
          vector: {
            ...vector,
            collection: { ...vector.collection, writeConsistency: vector.collection.writeConsistency ?? 1 },
          },
        }),
      },
    }
  })

export function recordStack(stack: Stack): RecordedStack {
  const { file: _file, folder: _folder, ...rest } = stack
  return {
    ...rest,
    workload: {
      ...stack.workload,
      queries: stack.workload.queries === null ? null : fileName(stack.workload.queries),
      arrivals:
        stack.workload.arrivals.kind === 'trace'
          ? { kind: 'trace', file: fileName(stack.workload.arrivals.file) }
          : stack.workload.arrivals,
    },
    endpoints: Object.fromEntries(
      Object.entries(stack.endpoints).map(([name, endpoint]) => [name, recordEndpoint(endpoint)]),
    ),
  }
}

function recordEndpoint(endpoint: Endpoint): Endpoint {
  const { caFile: _ca, certFile: _cert, keyFile: _key, ...rest } = endpoint
  return { ...rest, url: recordedUrl(endpoint.url) }
}

/** As a run keeps it: a URL's user, password, query and fragment may each hold a key. */
export function recordedUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)'
  const parsed = new URL(url)
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}

function fileName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path
}
