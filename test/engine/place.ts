/**
 * Where one engine lives: a folder, a range of addresses and a control group of its own, so that several engines and
 * the machine's own do not notice each other. A place is held by the process that opened its engine.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeNumbered } from '../places/numbered.ts'
import { removeAll } from './remove.ts'

export interface Place {
  readonly folder: string
  /** Its networks take theirs from it: a /16. */
  readonly addresses: string
  /** One of them, at which names are asked for that the engine does not know. */
  readonly names: string
  /** Parent of its containers' control groups, without a slash. */
  readonly controlGroup: string
}

/** 10.180.0.0/16 … 10.219.0.0/16, which Docker itself never chooses. */
const kind = {
  name: 'engines',
  root: join(tmpdir(), 'ragscale-engines'),
  numbers: Array.from({ length: 40 }, (_, index) => 180 + index),
  remove: async (folder: string, number: number) => await removeAll(placeAt(folder, number)),
}

function placeAt(folder: string, number: number): Place {
  return {
    folder,
    addresses: `10.${number}.0.0/16`,
    names: `10.${number}.255.254`,
    controlGroup: `ragscale-engine-${number}`,
  }
}

/** A place that nobody holds. What a process left behind that is dead is removed first. */
export async function takePlace(): Promise<Place> {
  const { folder, number } = await takeNumbered(kind)
  return placeAt(folder, number)
}
