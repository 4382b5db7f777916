/** Options that several commands take. */
import { Option } from 'commander'

export function targetOption(): Option {
  return new Option('--target <target>', "where the stack runs; default the file's").choices([
    'local',
    'compose',
    'swarm',
    'kubernetes',
    'external',
  ])
}

/** For an option that may be repeated. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}
