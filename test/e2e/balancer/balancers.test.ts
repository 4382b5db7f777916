/** The balancers that are rendered, for real: their own programs, on loopback, before servers of the test. */
import { spawnSync } from 'node:child_process'
import { describe, test } from 'vitest'
import { findTool } from '../../tools/find-tool.ts'
import { describeWith } from '../../tools/describe-with.ts'
import { howToGet } from '../../tools/tools.ts'
import { behavesAsABalancer } from './specification.ts'

const nginx = await findTool('nginx')
const version = nginx === null ? '' : spawnSync(nginx, ['-v'], { encoding: 'utf8' }).stderr
if (nginx !== null && isOld(version)) {
  const missing = `NOT CHECKED, ${version.trim()} is older than 1.27.3: ${howToGet('nginx')}`
  process.stderr.write(`${missing}\n`)
  describe('nginx', () => test.skip(missing, () => {}))
} else {
  await describeWith('nginx', 'nginx', (program) => behavesAsABalancer('nginx', program))
}
await describeWith('haproxy', 'HAProxy', (program) => behavesAsABalancer('haproxy', program))
await describeWith('envoy', 'Envoy', (program) => behavesAsABalancer('envoy', program))

function isOld(text: string): boolean {
  const [, major, minor, patch] = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []
  return Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch) < 1_027_003
}
