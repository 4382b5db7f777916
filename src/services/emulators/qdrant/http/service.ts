import { notEmulated } from '../errors.ts'
import { json, plain, type Answer } from './answer.ts'
import { metricsText } from './metrics.ts'
import { collectionName, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'
import { telemetry } from './telemetry.ts'

/** What this stand-in says it is: the server that its answers were compared with. */
export const version = '1.18.3'
const commit = 'db8fa43fcb6aedec1e739487e17a99731b74590a'

const healthy = (): Answer => plain('healthz check passed')

const lacking = (method: string, path: string, what: string): Route =>
  route(method, path, method === 'GET' ? 'read' : 'write', () => {
    throw notEmulated(what)
  })

const points = '/collections/{collection_name}/points'

export const serviceRoutes: readonly Route[] = [
  route('GET', '/', 'none', () => ({
    json: JSON.stringify({ title: 'qdrant - vector search engine', version, commit }),
  })),
  route('GET', '/healthz', 'none', healthy),
  route('GET', '/livez', 'none', healthy),
  route('GET', '/readyz', 'none', ({ node }) =>
    node.ready() ? plain('all shards are ready') : plain('some shards are not ready', 503),
  ),
  route('GET', '/metrics', 'read', (request) => plain(metricsText(request))),
  route('GET', '/telemetry', 'read', (request) => json(telemetry(request))),
  route('GET', '/issues', 'read', () => json({ issues: [] })),
  route('DELETE', '/issues', 'write', () => json(true)),
  route('GET', '/collections/{collection_name}/snapshots', 'read', noSnapshots),
  route('GET', '/snapshots', 'read', () => json([])),
  lacking('POST', '/collections/{collection_name}/snapshots', 'snapshots'),
  lacking('POST', '/snapshots', 'snapshots'),
  lacking('POST', '/collections/{collection_name}/facet', 'facets'),
  lacking('POST', `${points}/recommend`, 'recommendations'),
  lacking('POST', `${points}/recommend/batch`, 'recommendations'),
  lacking('POST', `${points}/recommend/groups`, 'recommendations'),
  lacking('POST', `${points}/discover`, 'discovery'),
  lacking('POST', `${points}/discover/batch`, 'discovery'),
  lacking('POST', `${points}/search/groups`, 'groups'),
  lacking('POST', `${points}/query/groups`, 'groups'),
  lacking('POST', `${points}/search/matrix/pairs`, 'distance matrices'),
  lacking('POST', `${points}/search/matrix/offsets`, 'distance matrices'),
]

function noSnapshots(request: ApiRequest): Answer {
  request.node.collection(collectionName(request))
  return json([])
}
