/**
 * Several engines on one machine that are machines to each other: each in a network namespace of its own, with an
 * address on one bridge and a host name. For a swarm of several nodes, whose overlay networks and ports then are what
 * they would be. The machine reaches all of them; nothing is left after `close`, or, where the process was killed
 * before, when the next nodes are started.
 */
import { writeFile } from 'node:fs/promises'
import { pid } from 'node:process'
import { execa } from 'execa'
import { type Engine, startEngine } from './engine.ts'
import { identityOf } from '../places/process-identity.ts'

export interface Node {
  readonly name: string
  /** By which the machine and the other nodes reach it. */
  readonly address: string
  readonly engine: Engine
  /** What a command begins with that is to run on that machine. */
  readonly inside: readonly string[]
}

export interface Nodes {
  readonly nodes: readonly Node[]
  close(): Promise<void>
}

/** 10.220.0.0/24 … 10.239.0.0/24, which neither Docker nor an engine of test/engine chooses. */
const subnets = Array.from({ length: 20 }, (_, index) => 220 + index)
/** `rsw220-4711`: the subnet and the process that holds it. At most 15 characters. */
const bridgeName = /\b(rsw(\d+)-(\d+))\b/g

export async function startNodes(count: number): Promise<Nodes> {
  await removeLeftovers()
  const bridge = await makeBridge()
  const nodes: Node[] = []
  const close = async (): Promise<void> => {
    for (const { engine } of nodes) await engine.close()
    await removeBridge(bridge.name)
  }
  try {
    for (let number = 1; number <= count; number++) nodes.push(await startNode(bridge, number))
    return { nodes, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Bridge {
  readonly name: string
  /** `10.220.0`. */
  readonly prefix: string
}

async function makeBridge(): Promise<Bridge> {
  const { stdout: inUse } = await execa('ip', ['-o', '-4', 'address', 'show'])
  const subnet = subnets.find((number) => !inUse.includes(` 10.${number}.`))
  if (subnet === undefined) throw new Error(`${subnets.length} networks of nodes are there already`)
  const name = `rsw${subnet}-${pid}`
  const prefix = `10.${subnet}.0`
  await ip('link', 'add', name, 'type', 'bridge')
  await ip('address', 'add', `${prefix}.1/24`, 'dev', name)
  await ip('link', 'set', name, 'up')
  return { name, prefix }
}

async function startNode({ name: bridge, prefix }: Bridge, number: number): Promise<Node> {
  const namespace = `${bridge}-${number}`
  const name = `node-${number}`
  const address = `${prefix}.${10 + number}`
  const link = `${bridge.split('-')[0]}v${number}`
  await ip('netns', 'add', namespace)
  await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  await ip('link', 'set', link, 'master', bridge, 'up')
  await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  for (const device of ['lo', 'eth0']) await ip('-n', namespace, 'link', 'set', device, 'up')
  const inside = ['nsenter', `--net=/run/netns/${namespace}`]
  await execa('nsenter', [...inside.slice(1), 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  const engine = await startEngine({ node: { inside, hostname: name } })
  // What its containers ask for names answers on the machine, and has to find the way back.
  await ip('route', 'replace', engine.place.addresses, 'via', address)
  // And nothing else beyond the nodes: a registry that nobody answers for is then known at once, and not waited for.
  await ip('-n', namespace, 'route', 'add', engine.place.names, 'via', `${prefix}.1`)
  return { name, address, engine, inside }
}

async function removeLeftovers(): Promise<void> {
  const { stdout } = await execa('ip', ['-o', 'link', 'show', 'type', 'bridge'])
  for (const [, name = '', , owner = ''] of stdout.matchAll(bridgeName))
    if ((await identityOf(Number(owner))) === null) await removeBridge(name)
}

async function removeBridge(name: string): Promise<void> {
  const { stdout } = await execa('ip', ['netns', 'list'])
  for (const [namespace = ''] of stdout.matchAll(/^\S+/gm))
    if (namespace.startsWith(`${name}-`)) await execa('ip', ['netns', 'delete', namespace], { reject: false })
  await execa('ip', ['link', 'delete', name], { reject: false })
}

async function ip(...args: string[]): Promise<void> {
  await execa('ip', args)
}

/** Images of one node in the others, as `docker save` and `docker load` bring them there. */
export async function copyImages(from: Node, to: readonly Node[], images: readonly string[]): Promise<void> {
  const archive = `${from.engine.folder}/images.tar`
  await writeFile(archive, '')
  await from.engine.docker('save', '--output', archive, ...images)
  for (const { engine } of to) await engine.docker('load', '--input', archive)
}
