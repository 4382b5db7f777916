import { blockTokens } from '../cores/sequence.ts'
import { countTokens, eachPiece } from '../text/tokens.ts'
import type { Prompt } from './requests.ts'

/** How many tokens a prompt has. */
export function promptTokens({ parts, overhead }: Prompt): number {
  return parts.reduce((sum, { text }) => sum + countTokens(text) + overhead.part, overhead.end)
}

/**
 * Names the prompt's full blocks, each together with all before it: prompts that begin alike have equal names
 * as far as they are alike. 53 bits, so that a cache of millions of blocks has no two by chance.
 */
export function promptBlocks({ parts, overhead }: Prompt): number[] {
  const blocks: number[] = []
  let high = 0x811c9dc5
  let low = 0x9e3779b9
  let count = 0
  const add = (token: number): void => {
    high = Math.imul(high ^ token, 0x01000193)
    low = Math.imul((low << 5) ^ (low >>> 27) ^ token, 0x85ebca6b)
    if (++count % blockTokens === 0) blocks.push((high >>> 0) * 2 ** 21 + (low >>> 11))
  }
  for (const { role, text } of parts) {
    for (let index = 0; index < overhead.part; index++) add(role.charCodeAt(0) + index)
    eachPiece(text, (start, end) => {
      let hash = 0x811c9dc5
      for (let index = start; index < end; index++)
        hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
      add(hash)
    })
  }
  for (let index = 0; index < overhead.end; index++) add(index)
  return blocks
}
