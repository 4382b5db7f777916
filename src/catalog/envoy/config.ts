import { Document, type YAMLMap, isMap, isScalar } from 'yaml'
import { type Balancing, maxConnections, statusPort } from '../balancing.ts'
import { adminCluster, clusterOf } from './cluster.ts'
import { listenerOf, statusListener } from './listener.ts'

/** Where Envoy reads it, in its image. */
export const envoyConfigPath = '/etc/envoy/envoy.yaml'

/** Of Envoy's own API: who may call it is whoever is in the container. */
export const adminPort = 9901

/** The bootstrap of Envoy 1.40, static but for DNS. */
export function envoyConfig({ upstreams }: Balancing): string {
  const bootstrap = {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: maxConnections,
          },
        },
      ],
    },
    static_resources: {
      listeners: [...upstreams.map(listenerOf), statusListener(statusPort)],
      clusters: [
        ...upstreams.flatMap((upstream) => upstream.pools.map((pool) => clusterOf(pool, upstream))),
        adminCluster(adminPort),
      ],
    },
  }
  const document = new Document(bootstrap, { aliasDuplicateObjects: false })
  const resources = document.get('static_resources')
  if (isMap(resources)) explainKeys(resources, { listeners: listenersComment, clusters: clustersComment })
  return document.toString({ lineWidth: 0 })
}

const listenersComment = ` One a tier. No limit on a stream's length, only on its silence: the default would end it after 15 s. What was
 sent to a replica is never sent again; another is asked when nothing could be sent. Paths are logged without
 their query strings: what users ask stays out of logs.`

const clustersComment = ` Replicas by DNS, asked again every 5 s. The least busy of all of them is taken, where the default would draw two and
 take the less busy. Envoy's limits on connections and requests (1,024 each) would answer 503 by themselves: a replica
 has a queue of its own, and says 429 when it is full. 429 and 503 are backpressure and eject nobody: outlier detection
 counts connections that fail, and nothing else.`

/** Comments before keys of a mapping, by key. */
function explainKeys(map: YAMLMap, comments: Readonly<Record<string, string>>): void {
  for (const { key } of map.items) {
    if (!isScalar(key)) continue
    const comment = comments[String(key.value)]
    if (comment !== undefined) key.commentBefore = comment
  }
}
