import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate that signs itself, for 127.0.0.1 and localhost, and its key; PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const octets = (...parts: Buffer[]): Buffer => der(0x04, ...parts)
const time = (year: number): Buffer => der(0x18, Buffer.from(`${year}0101000000Z`))
const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), octets(value))

/** X.509 v3 (RFC 5280), P-256 and SHA-256; its own authority. */
export function selfSigned(commonName: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid('2a8648ce3d040302'))
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const year = new Date().getUTCFullYear()
  const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))
  const keyId = octets(createHash('sha1').update(spki).digest())
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(year - 1), time(year + 2)),
    name,
    spki,
    der(
      0xa3,
      sequence(
        extension('551d13', true, sequence(der(0x01, Buffer.from([0xff])))),
        extension('551d11', false, names),
        extension('551d0e', false, keyId),
      ),
    ),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
