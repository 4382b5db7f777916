#!/usr/bin/env node
import module from 'node:module'

module.enableCompileCache?.()
const { run } = await import('../dist/main.js')
const { processRuntime } = await import('../dist/runtime.js')
process.exitCode = await run(process.argv.slice(2), processRuntime())
