import picocolors from 'picocolors'
import type { TerminalStyle } from '../report/palette.ts'
import type { Output, Runtime } from '../runtime.ts'

/** How wide and how colourful an output is: 80 columns and no colour off a terminal, NO_COLOR and `--no-color` honoured. */
export function styleOf(output: Output, runtime: Pick<Runtime, 'env'>, color: boolean): TerminalStyle {
  const noColor = runtime.env['NO_COLOR'] !== undefined && runtime.env['NO_COLOR'] !== ''
  const enabled = color && output.isTTY && !noColor && runtime.env['TERM'] !== 'dumb'
  return { columns: output.columns ?? 80, palette: picocolors.createColors(enabled) }
}
