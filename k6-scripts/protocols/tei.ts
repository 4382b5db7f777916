// text-embeddings-inference: its own REST API.
import type { Query } from '../plan.ts'

export const embedPath = '/embed'
export const rerankPath = '/rerank'

export function embedBody(query: Query): string {
  return JSON.stringify({ inputs: query.query })
}

export function rerankBody(query: Query): string {
  if (query.documents === undefined || query.documents.length === 0) {
    throw new Error('a query of the rerank stage needs documents')
  }
  return JSON.stringify({ query: query.query, texts: query.documents, truncate: true })
}
