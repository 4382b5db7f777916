import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { ExitCode, UserError, messageOf } from '../errors.ts'

/** One document: a file, or a line of a .jsonl file. */
export interface Document {
  /** Its name within the folder, with `/` on every system: `guide/setup.md`, or `faq.jsonl#12`. */
  readonly source: string
  readonly text: string
  /** SHA-256 of the text, hexadecimal: an unchanged document is not embedded again. */
  readonly hash: string
}

export const extensions = ['.md', '.txt', '.html', '.htm', '.jsonl'] as const

/** The documents' files below a folder, sorted; hidden folders and node_modules are passed over. */
export async function findFiles(folder: string): Promise<string[]> {
  let entries
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    throw new UserError(`cannot read the folder ${folder}: ${messageOf(error)}`, {
      hint: 'ragscale ingest <folder>',
      exitCode: ExitCode.usage,
      cause: error,
    })
  }
  return entries
    .filter(
      (entry) =>
        entry.isFile() && (extensions as readonly string[]).includes(extname(entry.name).toLowerCase()),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((part) => part.startsWith('.') || part === 'node_modules'),
    )
    .sort()
}

/** The documents of one file, read as they are needed: a .jsonl file may be larger than memory. */
export async function* readDocuments(folder: string, path: string): AsyncGenerator<Document> {
  const name = relative(folder, path).split(sep).join('/')
  const extension = extname(path).toLowerCase()
  if (extension === '.jsonl') {
    yield* readLines(name, path)
    return
  }
  const raw = await readFile(path, 'utf8')
  const text = extension === '.html' || extension === '.htm' ? await htmlText(raw) : raw
  if (text.trim() !== '') yield documentOf(name, text)
}

async function* readLines(name: string, path: string): AsyncGenerator<Document> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
  let number = 0
  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    const where = `${path}:${number}`
    const { text, id } = textOfLine(line, where)
    if (text.trim() !== '') yield documentOf(`${name}#${id ?? number}`, text)
  }
}

/** A line is `{ "text": "…", "id"?: … }`, or has `content` or `body` in place of `text`. */
function textOfLine(line: string, where: string): { text: string; id: string | undefined } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new UserError(`${where}: not JSON: ${messageOf(error)}`, {
      hint: 'Each line must be a JSON object with "text".',
    })
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const text = fields['text'] ?? fields['content'] ?? fields['body']
  if (typeof text !== 'string') {
    throw new UserError(`${where}: no "text"`, {
      hint: 'Each line must be a JSON object with "text" ("content" and "body" are read too).',
    })
  }
  const id = fields['id']
  return { text, id: typeof id === 'string' || typeof id === 'number' ? String(id) : undefined }
}

async function htmlText(html: string): Promise<string> {
  const { convert } = await import('html-to-text')
  return convert(html, {
    wordwrap: false,
    selectors: [
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'img', format: 'skip' },
      { selector: 'nav', format: 'skip' },
      ...['h1', 'h2', 'h3', 'h4'].map((selector) => ({ selector, options: { uppercase: false } })),
    ],
  })
}

function documentOf(source: string, text: string): Document {
  return { source, text, hash: createHash('sha256').update(text).digest('hex') }
}
