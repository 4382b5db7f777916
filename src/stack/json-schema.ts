import { z } from 'zod'
import { stackSchema } from './schema.ts'

/** The JSON Schema of `ragscale.yaml`, for editors: what may be written, with its help texts and defaults. */
export function stackJsonSchema(): string {
  const schema = z.toJSONSchema(stackSchema, { io: 'input' })
  return `${JSON.stringify({ title: 'ragscale.yaml', ...schema }, null, 2)}\n`
}
