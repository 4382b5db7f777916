/** Text that somebody else wrote (names, labels, errors), made safe for what it is put into. */
import { plain } from './plain-text.ts'

/** For HTML and XML, in text and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return allowedInXml(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** XML 1.0 has no way at all to write most control characters, lone surrogates and two noncharacters (§2.2, Char). */
function allowedInXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, (character) => ('\t\n\r'.includes(character) ? character : '\ufffd'))
    .replace(/[\ufffe\uffff]/g, '\ufffd')
}

/** For a line, or a table's cell, of GitHub-flavoured Markdown. */
export function escapeMarkdown(text: string): string {
  return plain(text.toWellFormed())
    .replace(/[\\`*_{}[\]#|~@]/g, (character) => `\\${character}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
