import { get } from 'node:http'

/** Null when the path answered 2xx, else what happened in words. Never throws. */
export async function probe(port: number, path: string, timeoutMs: number): Promise<string | null> {
  return await new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: timeoutMs }, (response) => {
      const status = response.statusCode ?? 0
      response.resume()
      response.on('error', () => {})
      resolve(status >= 200 && status < 300 ? null : `GET ${path} answered ${status}`)
    })
    request.on('timeout', () => {
      resolve(`GET ${path} was not answered within ${timeoutMs} ms`)
      request.destroy()
    })
    request.on('error', (error) => resolve(`GET ${path} failed: ${error.message}`))
  })
}
