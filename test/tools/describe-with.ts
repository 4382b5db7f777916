import { describe, test } from 'vitest'
import { findTool } from './find-tool.ts'
import { type ToolName, howToGet } from './tools.ts'

/**
 * A group of tests that need a program of somebody else's. Where it is missing they are skipped, loudly: the
 * report shows a skipped test that says what is missing and how to get it, and so does stderr.
 */
export async function describeWith(
  name: ToolName,
  title: string,
  tests: (path: string) => void,
): Promise<void> {
  const path = await findTool(name)
  if (path !== null) {
    describe(title, () => tests(path))
    return
  }
  const missing = `NOT CHECKED, ${name} is missing: ${howToGet(name)}`
  process.stderr.write(`${title}: ${missing}\n`)
  describe(title, () => {
    test.skip(missing, () => {})
  })
}
