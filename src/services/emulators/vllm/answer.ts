import { contentWords } from '../text/relevance.ts'
import { pieces } from '../text/tokens.ts'
import { isFunctionWord, wordsOf } from '../text/words.ts'
import type { Prompt } from './requests.ts'

export interface AnswerLimits {
  /** Exactly so many tokens are made; null: as many as the answer has by itself. */
  readonly maxTokens: number | null
  readonly stop: readonly string[]
}

export interface Answer {
  /** Joined they are the text, white space included. */
  readonly tokens: readonly string[]
  readonly text: string
  readonly finishReason: 'stop' | 'length'
  /** The stop string that ended it, if one did. */
  readonly stopReason: string | null
}

const sentencesOfAnAnswer = 3
const nothingToSay = 'The context given does not say.'

/**
 * The sentences of the prompt that share the most with its question, best first: what a model would find in
 * the context, without a model. The same prompt gets the same answer. A sentence's score is the weight of the
 * question's words that it has, a word weighing more the fewer sentences have it, over the root of its length.
 */
export function answerTo(prompt: Prompt, { maxTokens, stop }: AnswerLimits): Answer {
  const ranked = rankedSentences(prompt)
  const own = ranked.slice(0, sentencesOfAnAnswer).join(' ') || nothingToSay
  const text = maxTokens === null ? own : padded(ranked.length === 0 ? [nothingToSay] : ranked, maxTokens)
  const tokens = cutTokens(text, maxTokens)
  const whole = tokens.join('')
  const stopped = firstStop(whole, stop)
  if (stopped === null) {
    return { tokens, text: whole, finishReason: maxTokens === null ? 'stop' : 'length', stopReason: null }
  }
  const kept = whole.slice(0, stopped.at)
  return {
    tokens: tokensWithin(tokens, stopped.at),
    text: kept,
    finishReason: 'stop',
    stopReason: stopped.stop,
  }
}

function rankedSentences({ parts }: Prompt): string[] {
  const question = questionOf(parts.at(-1)?.text ?? '')
  const wanted = contentWords(question)
  const sentences = parts
    .flatMap(({ text }) => text.split(/(?<=[.!?])\s+|\n+/))
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length > 0 && (question === '' || !sentence.includes(question)))
  const words = sentences.map((sentence) => wordsOf(sentence))
  const having = new Map<string, number>()
  for (const list of words)
    for (const word of new Set(list)) if (wanted.has(word)) having.set(word, (having.get(word) ?? 0) + 1)
  const scored = sentences.map((sentence, index) => {
    const list = words[index]!
    let weight = 0
    for (const word of new Set(list)) {
      const count = having.get(word)
      if (count !== undefined) weight += Math.log(1 + sentences.length / count)
    }
    const length = list.filter((word) => !isFunctionWord(word)).length
    return { sentence, score: weight / Math.sqrt(4 + length) }
  })
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ sentence }) => sentence)
}

/** What is asked: what follows the last "Question:", else the last line. */
function questionOf(text: string): string {
  const marked = /.*\bquestion\s*:\s*([^\n]+)/is.exec(text)?.[1]
  return (marked ?? text.trim().split('\n').at(-1) ?? '').trim()
}

/** At least `tokens` tokens of text: the sentences one after another, then again from the first. */
function padded(sentences: readonly string[], tokens: number): string {
  let text = sentences[0]!
  let count = pieces(text).length
  for (let index = 1; count < tokens; index++) {
    const next = sentences[index % sentences.length]!
    text += ` ${next}`
    count += Math.max(1, pieces(next).length)
  }
  return text
}

function cutTokens(text: string, limit: number | null): string[] {
  let from = 0
  const tokens = pieces(text).map(({ end }) => {
    const token = text.slice(from, end)
    from = end
    return token
  })
  return limit === null ? tokens : tokens.slice(0, limit)
}

function firstStop(text: string, stops: readonly string[]): { at: number; stop: string } | null {
  let first: { at: number; stop: string } | null = null
  for (const stop of stops) {
    const at = stop === '' ? -1 : text.indexOf(stop)
    if (at !== -1 && (first === null || at < first.at)) first = { at, stop }
  }
  return first
}

/** The tokens until `length` characters, the last cut short. A stop at the very start leaves one empty token. */
function tokensWithin(tokens: readonly string[], length: number): string[] {
  const kept: string[] = []
  let at = 0
  for (const token of tokens) {
    if (at >= length && kept.length > 0) break
    kept.push(token.slice(0, Math.max(0, length - at)))
    at += token.length
  }
  return kept
}
