/** Major, minor and patch; a patch that is not said is the newest, so Infinity. */
export type Version = readonly [major: number, minor: number, patch: number]

/** What an image's tag begins with: `haproxy:3.2.21-alpine` → 3.2.21. Null where the tag says no version. */
export function versionIn(image: string): Version | null {
  const [, major, minor, patch] = /:v?(\d+)\.(\d+)(?:\.(\d+))?(?![^:]*\/)/.exec(image) ?? []
  if (major === undefined || minor === undefined) return null
  return [Number(major), Number(minor), patch === undefined ? Infinity : Number(patch)]
}

export function isBefore(version: Version, other: Version): boolean {
  const [major, minor, patch] = version
  if (major !== other[0]) return major < other[0]
  return minor === other[1] ? patch < other[2] : minor < other[1]
}
