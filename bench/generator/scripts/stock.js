// Stock k6 as its documentation uses it: constant arrivals, http.post, the default summary.
import http from 'k6/http'

const { url, rate, seconds, users } = JSON.parse(__ENV.BENCH)
const body = JSON.stringify({ inputs: 'How many replicas does this need?', normalize: true })
const params = { headers: { 'content-type': 'application/json' }, tags: { name: 'embed' } }

export const options = {
  scenarios: {
    load: {
      executor: 'constant-arrival-rate',
      exec: 'load',
      rate,
      timeUnit: '1s',
      duration: `${seconds}s`,
      preAllocatedVUs: users,
      maxVUs: users,
    },
  },
}

export function load() {
  http.post(url, body, params)
}
