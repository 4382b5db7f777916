/** Kubernetes' quantities: `500m`, `16Gi`, `1e3`, `4`. */

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** In cores, bytes or pieces. @throws Error for what is no quantity */
export function quantity(text: string | number): number {
  if (typeof text === 'number') return text
  const [, digits = '', suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? []
  const factor = factors[suffix]
  const value = Number(digits)
  if (digits === '' || factor === undefined || Number.isNaN(value)) throw new Error(`no quantity: ${text}`)
  // Thousandths and smaller are divided by: 100 × 1e-3 is not 0.1.
  return factor < 1 ? value / Math.round(1 / factor) : value * factor
}
