import type { Hit } from '../storage/read.ts'
import { pointIdFromText, pointIdText } from '../wire/point-id.ts'

export interface ShardInfo {
  readonly shard: number
  readonly points: number
  readonly indexed: number
  /** Field → how many points have it. */
  readonly fields: Readonly<Record<string, number>>
  readonly operationNumber: number
}

/** What a node answers: a list of hits for every search, or something counted. */
export interface ReadAnswer {
  readonly hits: readonly (readonly Hit[])[]
  readonly count: number
  readonly infos: readonly ShardInfo[]
}

export const noAnswer: ReadAnswer = { hits: [], count: 0, infos: [] }

/**
 * One line of JSON, then a line for each hit: id, version, score, payload and vector between tabs. Payloads
 * and vectors are JSON text, in which neither a tab nor a line's end can stand: they are passed on unread.
 */
export function encodeAnswer(answer: ReadAnswer): string {
  const { hits, ...counted } = answer
  let text = JSON.stringify({ ...counted, lengths: hits.map((list) => list.length) })
  for (const list of hits) {
    for (const { id, version, score, payload, vector } of list) {
      text += `\n${pointIdText(id)}\t${version}\t${score}\t${payload ?? ''}\t${vector ?? ''}`
    }
  }
  return text
}

export function decodeAnswer(text: string): ReadAnswer {
  const lines = text.split('\n')
  const { lengths, ...counted } = JSON.parse(lines[0]!) as Omit<ReadAnswer, 'hits'> & { lengths: number[] }
  let at = 1
  const hits = lengths.map((length) => lines.slice(at, (at += length)).map(decodeHit))
  return { ...counted, hits }
}

function decodeHit(line: string): Hit {
  const [id = '', version, score, payload, vector] = line.split('\t')
  return {
    id: pointIdFromText(id.startsWith('"') ? id.slice(1, -1) : id)!,
    version: Number(version),
    score: Number(score),
    payload: payload === '' || payload === undefined ? null : payload,
    vector: vector === '' || vector === undefined ? null : vector,
  }
}
