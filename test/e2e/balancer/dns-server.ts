/** A DNS server of a test: answers A queries over UDP with the addresses that a name has now. */
import { type Socket, createSocket } from 'node:dgram'

export interface DnsServer {
  readonly port: number
  /** Sets the IPv4 addresses of a name; none: the name does not exist. */
  set(name: string, addresses: readonly string[]): void
  close(): Promise<void>
}

export async function startDnsServer(): Promise<DnsServer> {
  const names = new Map<string, readonly string[]>()
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const question = questionOf(query)
    if (question === null) return
    const addresses = names.get(question.name) ?? []
    socket.send(answer(query, question, addresses), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    port: socket.address().port,
    set: (name, addresses) => void names.set(name, addresses),
    close: () => closed(socket),
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve))
}

interface Question {
  readonly name: string
  readonly type: number
  /** Where the question ends in the message. */
  readonly end: number
}

const headerBytes = 12
const typeA = 1

/** RFC 1035, 4.1.2: labels, each after its length, then type and class. Null for anything but a plain query. */
function questionOf(query: Buffer): Question | null {
  if (query.length < headerBytes || query.readUInt16BE(4) !== 1) return null
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** A name without addresses does not exist (3); one of another type than A has no records of it. */
function answer(query: Buffer, { type, end }: Question, addresses: readonly string[]): Buffer {
  const records = type === typeA ? addresses : []
  const header = Buffer.from(query.subarray(0, headerBytes))
  const recursion = query.readUInt16BE(2) & 0x0100
  header.writeUInt16BE(0x8080 | recursion | (addresses.length === 0 ? 3 : 0), 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt16BE(0, 8)
  header.writeUInt16BE(0, 10)
  return Buffer.concat([header, query.subarray(headerBytes, end), ...records.map(recordOf)])
}

/** Of the name at the message's beginning; 600 s to live, as from Docker. */
function recordOf(address: string): Buffer {
  const record = Buffer.alloc(16)
  record.writeUInt16BE(0xc000 | headerBytes, 0)
  record.writeUInt16BE(typeA, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(600, 6)
  record.writeUInt16BE(4, 10)
  address.split('.').forEach((part, index) => record.writeUInt8(Number(part), 12 + index))
  return record
}
