import type { ServerResponse } from 'node:http'
import type { Exchange } from '../../http.ts'
import { sendJson } from '../../http.ts'
import { peerPath, tokenHeader } from '../cluster/peer-client.ts'
import { NotLeader } from '../cluster/waiting.ts'
import { missingCollection, QdrantError } from '../errors.ts'
import type { QdrantNode } from '../node.ts'
import { encodeAnswer } from '../points/answer.ts'
import { readLocally } from '../points/local-read.ts'
import { decodeRead } from '../points/request.ts'
import { decodeWrite, encodeWriteReply } from '../points/write-wire.ts'
import { parseExact } from '../wire/json.ts'
import { same } from './auth.ts'

export const isForPeers = ({ path }: Exchange): boolean => path.startsWith(peerPath)

/** Answers what other nodes of the cluster ask. */
export async function answerPeer(
  node: QdrantNode,
  { request, response, path, body }: Exchange,
): Promise<void> {
  const arrivalMs = node.timing.nowMs()
  const token = request.headers[tokenHeader]
  if (
    node.config.clusterToken !== null &&
    !(typeof token === 'string' && same(token, node.config.clusterToken))
  ) {
    return sendJson(response, 403, JSON.stringify({ message: 'this is not the token of this cluster' }))
  }
  try {
    const answer = await answerTo(node, path.slice(peerPath.length), body, arrivalMs)
    if (answer === undefined)
      sendJson(response, 404, JSON.stringify({ message: `peers are not asked for ${path}` }))
    else sendJson(response, 200, answer)
  } catch (error) {
    refuse(response, error)
  }
}

async function answerTo(
  node: QdrantNode,
  asked: string,
  body: Buffer,
  arrivalMs: number,
): Promise<string | undefined> {
  if (asked === 'read') {
    const { collection: name, shards, read } = decodeRead(parseExact(body.toString()))
    const collection = node.cluster.state.collections[name]
    if (collection === undefined) throw missingCollection(name)
    const context = { ...node, seed: node.config.seed }
    return encodeAnswer(await readLocally(context, { collection, shards, read, furtherShards: 0, arrivalMs }))
  }
  if (asked === 'write') {
    return encodeWriteReply(await node.localWrites.apply(decodeWrite(body)))
  }
  const answer = await node.cluster.answer(asked, body)
  return answer === undefined ? undefined : JSON.stringify(answer)
}

function refuse(response: ServerResponse, error: unknown): void {
  const known = error instanceof QdrantError
  if (!known && !(error instanceof NotLeader)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  }
  const message = error instanceof Error ? error.message : String(error)
  sendJson(response, known ? error.status : 500, JSON.stringify({ message }))
}
