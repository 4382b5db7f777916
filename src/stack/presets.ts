/** The files that `init` begins with, from `templates/`: commented, and right as they are. */
import { readFile } from 'node:fs/promises'

export const presets = {
  laptop: 'a rehearsal on two cores: one of each, everything emulated',
  small: 'a million chunks, a few queries a second',
  production: 'ten million chunks, 20 queries a second, no single point of failure',
} as const

export type Preset = keyof typeof presets

export const presetNames = Object.keys(presets) as readonly Preset[]

/** `external` is what target external begins with: endpoints in place of tiers. */
export async function presetText(name: Preset | 'external'): Promise<string> {
  return await template(`presets/${name}.yaml`)
}

/** A few questions that can be asked of any documents, as JSON lines. */
export async function starterQueries(): Promise<string> {
  return await template('queries.jsonl')
}

async function template(name: string): Promise<string> {
  return await readFile(new URL(`../../templates/${name}`, import.meta.url), 'utf8')
}
