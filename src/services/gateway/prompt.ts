export interface ChatMessage {
  readonly role: 'system' | 'user'
  readonly content: string
}

/**
 * The prompt: instructions first and passages before the question, so that a server with prefix caching
 * reuses what two queries share.
 */
export function promptOf(query: string, sources: readonly { readonly text: string }[]): ChatMessage[] {
  const passages = sources.map(({ text }, index) => `[${index + 1}] ${text}`).join('\n\n')
  return [
    {
      role: 'system',
      content:
        'Answer the question from the numbered passages only, and name the passages you used, like [1]. ' +
        'If they do not hold the answer, say so.',
    },
    { role: 'user', content: `Passages:\n${passages}\n\nQuestion: ${query}` },
  ]
}
