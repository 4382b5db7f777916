/** Figures as people read them: three digits that count, units beside them. */

/** `0.0421` `4.21` `42.1` `421` `4,210`; a dash for nothing. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '–'
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const digits = Math.min(Math.max(0, 2 - magnitude), 6)
  const [whole = '', fraction = ''] = value.toFixed(digits).split('.')
  const kept = fraction.replace(/0+$/, '')
  return `${grouped(whole)}${kept === '' ? '' : `.${kept}`}`
}

function grouped(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** A time in the unit that suits it: `420 µs`, `4.21 ms`, `1.23 s`, `2 min 5 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (!Number.isFinite(ms)) return '∞'
  if (ms === 0) return '0 ms'
  if (Math.abs(ms) < 1) return `${figure(ms * 1000)} µs`
  if (Math.abs(ms) < 1000) return `${figure(ms)} ms`
  if (Math.abs(ms) < 60_000) return `${figure(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

export function rate(perSecond: number | null | undefined): string {
  return perSecond === null || perSecond === undefined ? '–' : `${figure(perSecond)}/s`
}

/** `0.1 %`; a share of nothing is a dash. */
export function share(part: number | null | undefined): string {
  return part === null || part === undefined ? '–' : `${figure(part * 100)} %`
}

/** `96 MB`: powers of ten. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–'
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const index = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  return `${figure(count / 1000 ** index)} ${units[index]}`
}

/** A change of a figure: `+12 %`, `−3.4 %`, `±0 %`. */
export function change(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return '–'
  const percent = ratio * 100
  if (Math.abs(percent) < 0.05) return '±0 %'
  return `${percent > 0 ? '+' : '−'}${figure(Math.abs(percent))} %`
}

/** `2026-11-21 13:22:05 UTC` of an ISO time; what is not one is returned as it is. */
export function instant(iso: string): string {
  return Number.isNaN(Date.parse(iso)) ? iso : `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}
