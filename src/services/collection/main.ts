import { parseConfig } from '../config.ts'
import { runJob } from '../process.ts'
import { requiredSecret } from '../secrets.ts'
import { collectionConfigSchema } from './config.ts'
import { prepareCollection } from './prepare.ts'

runJob(async (given, signal) => {
  const config = parseConfig('the collection job', collectionConfigSchema, given)
  const apiKey = requiredSecret(config.vector.apiKeyEnv, process.env)
  const { said, warnings } = await prepareCollection(config, apiKey, signal)
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  return said
})
