import { listen, sendJson, type Exchange, type Listening } from '../../http.ts'
import type { RunningService } from '../../../process.ts'
import { parseQdrantConfig } from '../config.ts'
import { startNode, type QdrantNode } from '../node.ts'
import { warmUp } from '../search/warm-up.ts'
import { aliasRoutes } from './aliases.ts'
import { sentOf, sentOfError, type Sent } from './answer.ts'
import { keyCheck, type CheckKey } from './auth.ts'
import { clusterRoutes } from './cluster.ts'
import { collectionRoutes } from './collections.ts'
import { answerPeer, isForPeers } from './peers.ts'
import { pointReadRoutes } from './points-read.ts'
import { pointWriteRoutes } from './points-write.ts'
import { queryRoutes } from './query.ts'
import { Router, type Match } from './router.ts'
import { serviceRoutes } from './service.ts'
import { RequestStats } from './stats.ts'

/** Of anything that comes in; what a client's JSON may be is Qdrant's own, smaller limit. */
const maxBodyBytes = 512 * 1024 * 1024

const router = new Router([
  ...serviceRoutes,
  ...collectionRoutes,
  ...aliasRoutes,
  ...clusterRoutes,
  ...pointReadRoutes,
  ...pointWriteRoutes,
  ...queryRoutes,
])

/** An emulated Qdrant node: its REST, a member of a cluster, real vectors over modelled time. */
export async function startQdrant(given: unknown): Promise<RunningService> {
  const config = parseQdrantConfig(given)
  const checkKey = keyCheck(config, process.env)
  const stats = new RequestStats()
  warmUp()
  // Where a node listens must be known before it can tell others.
  let made: (node: QdrantNode) => void
  const node = new Promise<QdrantNode>((resolve) => (made = resolve))
  const sharesPort = config.peerPort === null
  const rest = await open(config.host, config.port, (exchange) =>
    sharesPort && isForPeers(exchange)
      ? node.then((it) => answerPeer(it, exchange))
      : answerClient(exchange, node, stats, checkKey),
  )
  const peers =
    config.peerPort === null
      ? rest
      : await open(config.host, config.peerPort, (exchange) => node.then((it) => answerPeer(it, exchange)))
  const started = await startNode(config, config.uri ?? `http://${config.host}:${peers.port}/`)
  made!(started)
  await started.cluster.start()
  started.timing.overrun.begin()
  return {
    port: rest.port,
    sample: () => ({
      queue: started.timing.waiting,
      overrunMs: started.timing.overrun.takeWorstMs(),
      emulated: started.timing.overrun.takeAnswers(),
    }),
    close: async (graceMs) => {
      await rest.close(graceMs)
      if (!sharesPort) await peers.close(graceMs)
      await started.close()
    },
  }
}

async function open(
  host: string,
  port: number,
  answer: (exchange: Exchange) => Promise<void>,
): Promise<Listening> {
  return await listen(
    {},
    {
      host,
      port,
      maxBodyBytes,
      unknown: (exchange) =>
        void answer(exchange).catch((error: unknown) => send(exchange, sentOfError(error, 0))),
      tooLarge: (response) =>
        sendJson(response, 413, JSON.stringify({ status: { error: 'Payload too large' }, time: 0 })),
      failed: (response) => response.destroy(),
    },
  )
}

async function answerClient(
  exchange: Exchange,
  starting: Promise<QdrantNode>,
  stats: RequestStats,
  checkKey: CheckKey,
): Promise<void> {
  const startMs = performance.now()
  const found = router.find(exchange.request.method ?? '', exchange.path)
  if (found === null) return answerOther(exchange, await starting)
  const sent = await answerRoute(exchange, found, starting, stats, checkKey, startMs)
  stats.record(`${found.route.method} ${found.route.path}`, sent.status, performance.now() - startMs)
  send(exchange, sent)
}

async function answerRoute(
  { request, body, query }: Exchange,
  { route, params }: Match,
  starting: Promise<QdrantNode>,
  stats: RequestStats,
  checkKey: CheckKey,
  startMs: number,
): Promise<Sent> {
  const elapsed = () => performance.now() - startMs
  try {
    const refused = checkKey(request.headers, route.access)
    if (refused !== null) return sentOf(refused, elapsed())
    const node = await starting
    if (route.access !== 'none' && !node.cluster.caughtUp) await node.caughtUp()
    const arrivalMs = node.timing.nowMs() - elapsed()
    const { headers } = request
    const answer = await route.handle({
      node,
      stats,
      params,
      query: new URLSearchParams(query),
      headers,
      body,
      arrivalMs,
    })
    return sentOf(answer, elapsed())
  } catch (error) {
    return sentOfError(error, elapsed())
  }
}

/** What Qdrant does not know: nothing, as it answers; and what only a stand-in can be asked. */
function answerOther(exchange: Exchange, { timing }: QdrantNode): void {
  if (exchange.path === '/__ragscale/emulator' && exchange.request.method === 'GET') {
    const { overrun, drawn, busyMs } = timing
    return sendJson(
      exchange.response,
      200,
      JSON.stringify({ emulated: true, overrunP99Ms: overrun.p99Ms, drawn, busyMs }),
    )
  }
  exchange.response.writeHead(404, { 'content-length': 0 }).end()
}

function send({ response }: Exchange, { status, contentType, body }: Sent): void {
  const headers = {
    'content-length': Buffer.byteLength(body),
    ...(contentType === null ? {} : { 'content-type': contentType }),
  }
  response.writeHead(status, headers).end(body)
}
