/**
 * Where one node lives: a folder, a range of addresses and a control group of its own, so that several nodes, and
 * whatever else the machine runs, do not notice each other. A place is held by the process that took it.
 */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeGroups } from '../../places/control-groups.ts'
import { takeNumbered } from '../../places/numbered.ts'

export interface Place {
  readonly folder: string
  /** Of the machine, as the node sees it, and of the node. */
  readonly addresses: { readonly machine: string; readonly node: string }
  /** Pods take theirs from it. */
  readonly pods: string
  /** The machine's end of the cable between the two. */
  readonly link: string
  /** Parent of all control groups of the node, without a slash. */
  readonly controlGroup: string
}

/** 10.230.0.0/16 … 10.239.0.0/16. */
const kind = {
  name: 'nodes',
  root: join(tmpdir(), 'ragscale-nodes'),
  numbers: Array.from({ length: 10 }, (_, index) => 230 + index),
  // Processes died with their owner: what is left are files and control groups.
  remove: async (folder: string, number: number) => await removePlace(placeAt(folder, number)),
}

function placeAt(folder: string, number: number): Place {
  return {
    folder,
    addresses: { machine: `10.${number}.0.1`, node: `10.${number}.0.2` },
    pods: `10.${number}.128.0/17`,
    link: `ragscale-n${number}`,
    controlGroup: `ragscale-node-${number}`,
  }
}

/** A place that nobody holds. What a process left behind that is dead is removed first. */
export async function takePlace(): Promise<Place> {
  const { folder, number } = await takeNumbered(kind)
  return placeAt(folder, number)
}

/** Once nothing runs there any more. */
export async function removePlace(place: Place): Promise<void> {
  await removeGroups(place.controlGroup)
  // What was mounted there is gone with its processes, and busy for a moment.
  await rm(place.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
