import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

/** Before each record: its length and the CRC-32 of its bytes, both little-endian. */
const headerBytes = 8

/**
 * An append-only file of records. A record is whole or not there: what a killed process left half-written is
 * cut off when the file is opened. Appends reach the operating system before they return, not the disk: they
 * outlive the process, not the machine.
 */
export class RecordLog {
  readonly #file: string
  #descriptor: number
  #bytes: number

  private constructor(file: string, descriptor: number, bytes: number) {
    this.#file = file
    this.#descriptor = descriptor
    this.#bytes = bytes
  }

  /** Opens or makes the file, and calls back with every whole record in order; the buffer is the callee's. */
  static open(file: string, onRecord: (record: Buffer) => void): RecordLog {
    mkdirSync(dirname(file), { recursive: true })
    const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
    let at = 0
    while (at + headerBytes <= content.length) {
      const start = at + headerBytes
      const end = start + content.readUInt32LE(at)
      if (end > content.length) break
      const record = content.subarray(start, end)
      if (crc32(record) !== content.readUInt32LE(at + 4)) break
      onRecord(record)
      at = end
    }
    const descriptor = openSync(file, 'a')
    if (at < content.length) ftruncateSync(descriptor, at)
    return new RecordLog(file, descriptor, at)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws what the operating system says (a full disk), and then leaves the file as it was. */
  append(record: Uint8Array): void {
    const framed = frame(record)
    try {
      writeAll(this.#descriptor, framed)
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#bytes)
      throw error
    }
    this.#bytes += framed.length
  }

  /** Replaces the whole content at once: a crash leaves the old content or the new. */
  rewrite(records: Iterable<Uint8Array>): void {
    const draft = `${this.#file}.new`
    const descriptor = openSync(draft, 'w')
    let bytes = 0
    try {
      for (const record of records) {
        const framed = frame(record)
        writeAll(descriptor, framed)
        bytes += framed.length
      }
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(draft, this.#file)
    closeSync(this.#descriptor)
    this.#descriptor = openSync(this.#file, 'a')
    this.#bytes = bytes
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

function frame(record: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headerBytes + record.length)
  framed.writeUInt32LE(record.length, 0)
  framed.writeUInt32LE(crc32(record), 4)
  framed.set(record, headerBytes)
  return framed
}

function writeAll(descriptor: number, buffer: Buffer): void {
  for (let written = 0; written < buffer.length;) written += writeSync(descriptor, buffer, written)
}
