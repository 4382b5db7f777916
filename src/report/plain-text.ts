/** Text for a terminal: safe to show, and no wider than it. */
import stringWidth from 'string-width'

/** One line without control characters: a run's name or an error's label must not steer a terminal. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** Lines of at most `columns`, broken between words where that is possible; later lines begin with `indent`. */
export function wrap(text: string, columns: number, indent = ''): string[] {
  const room = Math.max(1, columns)
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ').flatMap((word) => pieces(word, Math.max(1, room - indent.length)))) {
    const joined = current === '' ? word : `${current} ${word}`
    if (current !== '' && stringWidth(joined) > room) {
      lines.push(current)
      current = `${indent}${word}`
    } else {
      current = joined
    }
  }
  return current === '' ? lines : [...lines, current]
}

/** A word wider than a line is cut. */
function pieces(word: string, columns: number): string[] {
  if (stringWidth(word) <= columns) return [word]
  const parts: string[] = []
  let current = ''
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    if (current !== '' && stringWidth(current + segment) > columns) {
      parts.push(current)
      current = ''
    }
    current += segment
  }
  return current === '' ? parts : [...parts, current]
}

/** Cut to a width, with `…` where something was lost. */
export function fit(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > columns - 1) break
    kept += segment
  }
  return columns <= 0 ? '' : `${kept}…`
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)))
}
