/** Numbers as Docker's files write them. */

const mebibyte = 2 ** 20

/** `512m`, `16g`, in units of 1,024, rounded up to whole mebibytes. */
export function memoryText(bytes: number): string {
  const mebibytes = Math.max(1, Math.ceil(bytes / mebibyte))
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}g` : `${mebibytes}m`
}

/** Cores, to a hundredth, and never none: Docker takes 0 for no limit. */
export function cpuText(cores: number): string {
  return String(Math.max(0.01, Math.round(cores * 100) / 100))
}

/** `90s` as `1m30s`; a fraction of a second in milliseconds. */
export function durationText(seconds: number): string {
  if (!Number.isInteger(seconds)) return `${Math.ceil(seconds * 1000)}ms`
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  if (minutes === 0) return `${rest}s`
  return rest === 0 ? `${minutes}m` : `${minutes}m${rest}s`
}
