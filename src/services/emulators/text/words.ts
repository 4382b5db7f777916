/** Words that say little of what a text is about; they weigh less in vectors and not at all in overlap. */
const functionWords = new Set(
  (
    'a an and are as at be but by can do does for from had has have how i if in into is it its me my no not of on or our ' +
    'she he so that the their them then there these they this to was we were what when where which who why will with you your'
  ).split(' '),
)

export function isFunctionWord(word: string): boolean {
  return functionWords.has(word)
}

const wordPattern = /[\p{L}\p{N}]+/gu

/** The words of a text, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(wordPattern) ?? []
}
