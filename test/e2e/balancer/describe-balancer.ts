import { spawnSync } from 'node:child_process'
import { describe, test } from 'vitest'
import { describeWith } from '../../tools/describe-with.ts'
import { findTool } from '../../tools/find-tool.ts'
import { howToGet } from '../../tools/tools.ts'
import type { Software } from './software.ts'

/** As `describeWith`; of nginx only one that follows DNS will do, which Debian's may not. */
export async function describeBalancer(
  software: Software,
  title: string,
  tests: (program: string) => void,
): Promise<void> {
  const program = await findTool(software)
  const old = software === 'nginx' && program !== null ? oldVersion(program) : null
  if (old === null) {
    await describeWith(software, title, tests)
    return
  }
  const missing = `NOT CHECKED, ${program} is ${old}, older than 1.27.4: ${howToGet(software)}`
  process.stderr.write(`${title}: ${missing}\n`)
  describe(title, () => {
    test.skip(missing, () => {})
  })
}

/** Its version, where that is before 1.27.4; else null. */
function oldVersion(program: string): string | null {
  const { stderr } = spawnSync(program, ['-v'], { encoding: 'utf8' })
  const [version, major, minor, patch] = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr) ?? []
  if (version === undefined) return null
  return Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch) < 1_027_004 ? version : null
}
