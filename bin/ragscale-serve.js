#!/usr/bin/env node
import module from 'node:module'

module.enableCompileCache?.()
// As PID 1 of a container a process gets no signal that it does not ask for: stop also while it is loading.
const stopLoading = () => process.exit(143)
process.on('SIGTERM', stopLoading)
const { serve } = await import('../dist/services/serve.js')
await serve(process.argv.slice(2))
process.off('SIGTERM', stopLoading)
