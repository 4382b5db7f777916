/** One call of Qdrant's REST, and what a node is called by. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import { networkMessage, withoutSecrets } from '../../load/http.ts'

/** A node as its target knows it. */
export interface NodeAddress {
  readonly name: string
  /** Of its REST. */
  readonly url: string
  /** How other nodes reach it; null where only the cluster itself can tell. */
  readonly peerUrl: string | null
  /** Sent with every call; their values are secrets. */
  readonly headers?: Readonly<Record<string, string>>
  /** Connections with certificates of their own. */
  readonly dispatcher?: Dispatcher
}

/** It answered, and refused. */
export class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'Refused'
    this.status = status
  }
}

export const callMs = 10_000

/**
 * @returns the answer's text
 * @throws Refused with what it said; an Error in words when it cannot be reached
 */
export async function callText(
  node: NodeAddress,
  method: Dispatcher.HttpMethod,
  path: string,
  options: { readonly timeoutMs?: number; readonly body?: string } = {},
): Promise<string> {
  const { body, timeoutMs = callMs } = options
  const secrets = Object.values(node.headers ?? {}).filter((value) => value.length > 3)
  let answer: { status: number; text: string }
  try {
    const { statusCode, body: answered } = await request(node.url.replace(/\/+$/, '') + path, {
      method,
      headers: { ...node.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
      ...(node.dispatcher === undefined ? {} : { dispatcher: node.dispatcher }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    answer = { status: statusCode, text: await answered.text() }
  } catch (error) {
    throw new Error(`${node.name}: ${networkMessage(error)}`, { cause: error })
  }
  if (answer.status < 400) return answer.text
  const said = withoutSecrets(answer.text, secrets).slice(0, 300)
  throw new Refused(answer.status, `${method} ${path} answered ${answer.status}: ${said}`)
}

/** As `callText`, as a value: whole numbers beyond 2^53 are text. */
export async function call(
  node: NodeAddress,
  method: Dispatcher.HttpMethod,
  path: string,
  options: { readonly timeoutMs?: number; readonly body?: string } = {},
): Promise<unknown> {
  return parseLossless(await callText(node, method, path, options))
}

/** The first of the nodes that answers, in order. Throws what the last one failed with. */
export async function firstOf<T>(
  nodes: readonly NodeAddress[],
  ask: (node: NodeAddress) => Promise<T>,
): Promise<T> {
  let failure: unknown = new Error('there is no node')
  for (const node of nodes) {
    try {
      return await ask(node)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/**
 * Goes on asking while a node is lost and comes back: a call that may be made twice, of whichever node answers.
 * A 4xx is an answer and is thrown at once.
 */
export async function persistently<T>(
  nodes: readonly NodeAddress[],
  ask: (node: NodeAddress) => Promise<T>,
  { patienceMs, signal, onNotice }: Persistence,
): Promise<T> {
  const startMs = performance.now()
  for (let told = false; ;) {
    signal.throwIfAborted()
    try {
      return await firstOf(nodes, ask)
    } catch (error) {
      const final = error instanceof Refused && error.status < 500 && error.status !== 429
      const triedMs = performance.now() - startMs
      if (final || triedMs > patienceMs) throw error
      // An election, or a node that is just back, is over before anybody could read of it.
      if (!told && triedMs > noticeAfterMs) {
        const leftSeconds = Math.round((patienceMs - triedMs) / 1000)
        onNotice?.(`${shortened(messageOf(error))}; asking again for ${leftSeconds} s`)
        told = true
      }
    }
    await sleep(200, undefined, { signal })
  }
}

/** An answer of Qdrant's may be hundreds of characters of its own sources. */
function shortened(text: string): string {
  return text.length <= noticeLength ? text : `${text.slice(0, noticeLength)}…`
}

export interface Persistence {
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** Once, where it takes longer: what was answered, and how long it is asked again. */
  readonly onNotice?: (text: string) => void
}

const noticeAfterMs = 2_000
const noticeLength = 120

/** JSON whose whole numbers beyond 2^53 stay what they are, as text. */
export function parseLossless(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
        ? (context?.source ?? value)
        : value,
    )
  } catch (error) {
    throw new Error(`it answered no JSON: ${messageOf(error)}`, { cause: error })
  }
}

/** What was answered, of the shape that is needed of it. Throws an Error in words where it is not. */
export function answered<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new Error(`it answered what Qdrant does not: ${z.prettifyError(parsed.error).slice(0, 300)}`)
}
