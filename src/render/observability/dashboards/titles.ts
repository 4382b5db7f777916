/** Which dashboards there are, and where a tier is looked at. */
export const dashboardTitles = {
  overview: 'RAG overview',
  embed: 'RAG embed',
  rerank: 'RAG rerank',
  vector: 'RAG vector',
  generate: 'RAG generate',
  ingest: 'RAG ingest',
  cost: 'RAG cost',
} as const

export type DashboardName = keyof typeof dashboardTitles

const ofTier: Readonly<Record<string, DashboardName>> = {
  embed: 'embed',
  rerank: 'rerank',
  vector: 'vector',
  generate: 'generate',
  worker: 'ingest',
  queue: 'ingest',
}

/** A tier without a dashboard of its own has a row in the overview. */
export function dashboardTitleOf(tier: string): string {
  return dashboardTitles[ofTier[tier] ?? 'overview']
}
