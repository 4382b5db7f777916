/** The colours that a renderer uses; `createColors(enabled)` of picocolors is one, `noColors` another. */
export interface Palette {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

const same = (text: string): string => text

export const noColors: Palette = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/** How a text renderer shows things: the terminal's width, and its colours. */
export interface TerminalStyle {
  readonly columns: number
  readonly palette: Palette
}
