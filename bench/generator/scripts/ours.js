// The same requests through the extension.
import { bodies, request } from 'k6/x/ragscale'

const { url, rate, seconds, users } = JSON.parse(__ENV.BENCH)
const posts = bodies('embed', () => [
  JSON.stringify({ inputs: 'How many replicas does this need?', normalize: true }),
])
const headers = { 'content-type': 'application/json' }

export const options = {
  scenarios: {
    load: {
      executor: 'ragscale-open',
      exec: 'load',
      stage: 'embed',
      seed: 1,
      arrivals: { kind: 'constant' },
      maxInFlight: users,
      preAllocatedVUs: users,
      timeoutMs: 10000,
      steps: [
        { id: 's1', fromRate: rate, toRate: rate, warmupMs: 0, windowMs: seconds * 1000, drainMs: 5000 },
      ],
    },
  },
  noCookiesReset: true,
  systemTags: [],
}

export function load() {
  request({ url, headers, bodies: posts, index: 0 })
}
