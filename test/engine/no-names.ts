/**
 * What an engine asks for names that it does not know, such as a container's that is gone: a server that says at once
 * that there is no such name, as the resolver of a machine in a network does. Without an answer each would be waited
 * for, for seconds. It listens on an address of the engine's own range, which containers reach as the machine's.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { execa } from 'execa'

/** Ends with the process; `close` ends it before. */
export async function answerNoNames(address: string): Promise<{ close(): void }> {
  await execa('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  const socket = createSocket('udp4', (query, { port, address }) => {
    if (query.length > 12) socket.send(noSuchName(query), port, address)
  })
  socket.bind(53, address)
  await once(socket, 'listening')
  socket.unref()
  return { close: () => socket.close() }
}

/** The query with its question, marked as an answer: NXDOMAIN, and nothing else in it (RFC 1035, 4.1.1). */
function noSuchName(query: Buffer): Buffer {
  const answer = Buffer.from(query)
  answer.writeUInt16BE(0x8183, 2)
  answer.writeUInt16BE(0, 6)
  answer.writeUInt16BE(0, 8)
  answer.writeUInt16BE(0, 10)
  return answer
}
