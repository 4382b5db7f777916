// Streams of many tokens: each gap between two tokens is a sample.
import { bodies, chat } from 'k6/x/ragscale'

const { url, rate, seconds, users } = JSON.parse(__ENV.BENCH)
const asks = bodies('chat', () => ['{"stream":true}'])

export const options = {
  scenarios: {
    load: {
      executor: 'ragscale-open',
      exec: 'load',
      stage: 'generate',
      seed: 1,
      arrivals: { kind: 'constant' },
      maxInFlight: users,
      preAllocatedVUs: users,
      timeoutMs: 60000,
      steps: [
        { id: 's1', fromRate: rate, toRate: rate, warmupMs: 0, windowMs: seconds * 1000, drainMs: 60000 },
      ],
    },
  },
  noCookiesReset: true,
  systemTags: [],
}

export function load() {
  chat({ url, bodies: asks, index: 0 })
}
