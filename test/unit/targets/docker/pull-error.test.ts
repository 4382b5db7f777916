import { describe, expect, test } from 'vitest'
import { isPassing, pullError } from '../../../../src/targets/docker/pull-error.ts'

const image = 'registry.example/some/tei:1.9'

describe('an image that cannot be pulled', () => {
  test.each([
    'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
    'unexpected EOF',
    'read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer',
    'net/http: TLS handshake timeout',
    'received unexpected HTTP status: 503 Service Unavailable',
    'toomanyrequests: You have reached your pull rate limit',
  ])('may be had in a moment after: %s', (says) => expect(isPassing(says)).toBe(true))

  test.each([
    'manifest unknown: manifest unknown',
    'unauthorized: authentication required',
    'no basic auth credentials',
    'write /var/lib/docker/tmp/x: no space left on device',
    'no matching manifest for linux/arm64/v8 in the manifest list entries',
  ])('may not, after: %s', (says) => expect(isPassing(says)).toBe(false))

  test('names the registry to log in to, and says where its login is not taken', () => {
    const refusal = new Error('(HTTP code 500) server error - no basic auth credentials')
    expect(pullError(image, refusal, false)).toMatchObject({
      exitCode: 3,
      message: `${image} could not be pulled: its registry wants a login (no basic auth credentials)`,
      hint: expect.stringContaining('docker login registry.example '),
    })
    expect(pullError(image, refusal, true).message).toContain('does not take what docker login left')
    expect(pullError('vllm/vllm-openai:v0.30', refusal, false).hint).toMatch(/^docker login {3}then/)
  })
})
