// What the tests of the whole binary run: one call for each arrival, as the plan's `call` says.
import { arrival, bodies, chat, fail, pick, query, recall, request } from 'k6/x/ragscale'

const { call, url, options: extra, ...plan } = JSON.parse(open(__ENV.RAGSCALE_PLAN))
const texts = bodies('numbered', () => Array.from({ length: 100 }, (_, i) => String(i)))
const calls = {
  request: () => request({ url, bodies: texts, index: pick(), ...extra }),
  chat: () => chat({ url, body: '{}', ...extra }),
  query: () => query({ url, body: '{}', ...extra }),
  recall: () => {
    request({ url })
    recall(0.25)
  },
  fail: () => {
    if (request({ url, keepBody: true }).body !== 'right') fail('wrong_answer')
  },
  identify: () => {
    const { step, stage, phase, index, scheduledMs } = arrival()
    request({ url, body: JSON.stringify({ step, stage, phase, index, scheduledMs, query: pick() }) })
  },
  stream: () => {
    const result = chat({ url, body: '{}', keepBody: true })
    request({ url, body: JSON.stringify(result) })
  },
  nothing: () => {},
  throws: () => {
    throw new Error('the script is wrong')
  },
}

export const options = {
  scenarios: { load: { executor: 'ragscale-open', exec: 'each', ...plan } },
  noCookiesReset: true,
  systemTags: [],
}

export const each = calls[call] ?? calls.nothing

export function setup() {
  if (call === 'setup') request({ url })
}
