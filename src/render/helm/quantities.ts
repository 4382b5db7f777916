/** Numbers as Kubernetes writes them. */

const mebibyte = 2 ** 20

/** `2`, `250m`: cores, to a thousandth, and never none. */
export function cpuQuantity(cores: number): string {
  const milli = Math.max(1, Math.round(cores * 1000))
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`
}

/** `512Mi`, `16Gi`: bytes, rounded up to whole mebibytes. */
export function memoryQuantity(bytes: number): string {
  const mebibytes = Math.max(1, Math.ceil(bytes / mebibyte))
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}Gi` : `${mebibytes}Mi`
}

/** `50Gi`: bytes of a disk, rounded up to whole gibibytes, as providers sell them. */
export function diskQuantity(bytes: number): string {
  return `${Math.max(1, Math.ceil(bytes / (mebibyte * 1024)))}Gi`
}
