import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Addresses } from '../../../../src/services/supervisor/addresses.ts'

describe('addresses', () => {
  it('are the same for the same stack, and stay what they are', async () => {
    const first = new Addresses('/stacks/a')
    const port = await first.take('embed')
    expect(await first.take('embed')).toBe(port)
    expect(await new Addresses('/stacks/a').take('embed')).toBe(port)
    expect(await new Addresses('/stacks/b').take('embed')).not.toBe(port)
  })

  it('are below the ports that systems use for outgoing connections', async () => {
    const addresses = new Addresses('/stacks/c')
    const ports = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => await addresses.take(`embed-${n}`)),
    )
    expect(new Set(ports).size).toBe(50)
    for (const port of ports) expect(port).toSatisfy((value: number) => value >= 20_000 && value < 32_768)
  })

  it('pass over a port that somebody else has', async () => {
    const port = await new Addresses('/stacks/d').take('embed')
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    expect(await new Addresses('/stacks/d').take('embed')).not.toBe(port)
    other.close()
  })

  it('move on when asked to', async () => {
    const addresses = new Addresses('/stacks/e')
    const port = await addresses.take('embed')
    const moved = await addresses.move('embed')
    expect(moved).not.toBe(port)
    expect(await addresses.take('embed')).toBe(moved)
  })

  it('stand in a configuration wherever it names them', async () => {
    const addresses = new Addresses('/stacks/f')
    const config = { port: { $port: 'a' }, peers: [{ $url: 'b/peer' }, { $url: 'a' }], price: 5, none: null }
    const [a, b] = [await addresses.take('a'), await addresses.take('b/peer')]
    expect(await addresses.resolve(config)).toEqual({
      port: a,
      peers: [`http://127.0.0.1:${b}`, `http://127.0.0.1:${a}`],
      price: 5,
      none: null,
    })
    expect(addresses.of('b')).toEqual({ 'b/peer': b })
  })
})
