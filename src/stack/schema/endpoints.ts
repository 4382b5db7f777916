import { z } from 'zod'
import { countField, durationField, textField, urlField, variableField } from './fields.ts'

const url = urlField().describe('Where it answers.')

const connection = {
  url,
  apiKeyEnv: variableField().optional().describe('The environment variable that holds the API key.'),
  headersEnv: z
    .record(textField('a header’s name'), variableField())
    .optional()
    .describe('Header → the environment variable that holds its value.'),
  caFile: textField('a path').optional().describe('Certificate authority to trust, PEM.'),
  certFile: textField('a path').optional().describe('Client certificate, PEM.'),
  keyFile: textField('a path').optional().describe('The client certificate’s key, PEM.'),
  timeout: durationField().optional().describe('How long one request may take.'),
  replicas: countField(1, 100_000)
    .prefault(1)
    .describe('Replicas, or nodes, that answer behind the URL: what a recommendation counts from.'),
}

const model = () => textField('a model’s name')

export const endpointsSchema = z.strictObject({
  embed: z
    .strictObject({
      ...connection,
      protocol: z.enum(['tei', 'openai']).default('tei').describe('How it is called.'),
      model: model().optional().describe('The model to ask for; openai needs it.'),
    })
    .optional()
    .describe('An embeddings server.'),
  vector: z
    .strictObject({
      ...connection,
      protocol: z.enum(['qdrant']).default('qdrant').describe('How it is called.'),
      collection: textField('a collection’s name').describe('The collection to search.'),
    })
    .optional()
    .describe('A vector database.'),
  rerank: z
    .strictObject({
      ...connection,
      protocol: z.enum(['tei']).default('tei').describe('How it is called.'),
      model: model().optional().describe('For the record; a server of this protocol has one model.'),
    })
    .optional()
    .describe('A reranking server.'),
  generate: z
    .strictObject({
      ...connection,
      protocol: z.enum(['openai']).default('openai').describe('How it is called.'),
      model: model().describe('The model to ask for.'),
    })
    .optional()
    .describe('A chat completions server.'),
  pipeline: z
    .strictObject({
      ...connection,
      protocol: z
        .enum(['ragscale', 'http'])
        .describe('ragscale: our gateway. http: any service, by body and answer.'),
      body: textField('a template')
        .optional()
        .describe('http: the JSON to post; {{query}} becomes the query as a JSON string.'),
      answer: textField('a path into the answer', {
        like: /^\$(\.[\w$-]+|\[\d+\]|\['[^']*'\])*$/,
        says: (got) => `expected a path such as $.answer or $.choices[0].text, got ${got}`,
      })
        .optional()
        .describe('http: where the answer’s text is, as a JSON path.'),
    })
    .optional()
    .describe('A whole RAG service.'),
})
