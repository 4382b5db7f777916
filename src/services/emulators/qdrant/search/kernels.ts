/**
 * Distances of one query to many vectors, in 128-bit SIMD: about seven times as fast as the same loop in
 * JavaScript. The WebAssembly module is put together here, instruction by instruction; its three functions
 * differ only in what they add up for a pair of coordinates.
 */
export type KernelName = 'dot' | 'squared' | 'absolute'

/**
 * Writes `count` single-precision sums to `out`, one for each vector of `stride` bytes from `vectors` on. All
 * are byte addresses; `stride` is a multiple of 64.
 */
export type Kernel = (vectors: number, query: number, count: number, stride: number, out: number) => void

/** Bytes that a kernel takes in one step: vectors are padded with zeros to a multiple. */
export const strideUnit = 64

const names: readonly KernelName[] = ['dot', 'squared', 'absolute']

const i32 = 0x7f
const v128 = 0x7b
const noValue = 0x40

const op = {
  block: 0x02,
  loop: 0x03,
  branchIf: 0x0d,
  end: 0x0b,
  get: 0x20,
  set: 0x21,
  store: 0x38,
  constant: 0x41,
  isZero: 0x45,
  lessUnsigned: 0x49,
  add: 0x6a,
  subtract: 0x6b,
  addFloat: 0x92,
  simd: 0xfd,
} as const

/** Second bytes of SIMD instructions, as unsigned LEB128. */
const simd = {
  load: [0x00],
  constant: [0x0c],
  lane: [0x1f],
  absolute: [0xe0, 0x01],
  add: [0xe4, 0x01],
  subtract: [0xe5, 0x01],
  multiply: [0xe6, 0x01],
} as const

/** Indices of parameters and locals. */
const local = {
  vectors: 0,
  query: 1,
  count: 2,
  stride: 3,
  out: 4,
  at: 5,
  difference: 6,
  sums: [7, 8, 9, 10],
} as const

const get = (index: number) => [op.get, index]
const set = (index: number) => [op.set, index]
const loadAt = (base: number, offset: number) => [
  ...get(base),
  ...get(local.at),
  op.add,
  op.simd,
  ...simd.load,
  4,
  offset,
]

/** Adds what one pair of four coordinates contributes to a sum. */
function accumulate(name: KernelName, sum: number, offset: number): number[] {
  const difference = get(local.difference)
  const square = [set(local.difference), difference, difference, [op.simd], simd.multiply].flat()
  const pair = [...loadAt(local.vectors, offset), ...loadAt(local.query, offset), op.simd]
  const terms: Readonly<Record<KernelName, readonly number[]>> = {
    dot: [...pair, ...simd.multiply],
    squared: [...pair, ...simd.subtract, ...square],
    absolute: [...pair, ...simd.subtract, op.simd, ...simd.absolute],
  }
  return [...get(sum), ...terms[name], op.simd, ...simd.add, ...set(sum)]
}

function body(name: KernelName): number[] {
  const [first, second, third, fourth] = local.sums
  const sixteenZeros = Array<number>(16).fill(0)
  const addVectors = [op.simd, ...simd.add]
  const lane = (index: number) => [...get(first), op.simd, ...simd.lane, index]
  const add = (to: number, what: readonly number[]) => [...get(to), ...what, op.add, ...set(to)]
  const sumOfLanes = [lane(0), lane(1), [op.addFloat], lane(2), lane(3), [op.addFloat, op.addFloat]].flat()
  return [
    // Nothing to do without vectors.
    [op.block, noValue, ...get(local.count), op.isZero, op.branchIf, 0],
    // For each vector: sums and position to zero,
    [op.loop, noValue],
    ...local.sums.map((sum) => [op.simd, ...simd.constant, ...sixteenZeros, ...set(sum)]),
    [op.constant, 0, ...set(local.at)],
    // for each 64 bytes: four sums of four coordinates (the step is 64 as signed LEB128),
    [op.loop, noValue],
    ...local.sums.map((sum, index) => accumulate(name, sum, 16 * index)),
    add(local.at, [op.constant, 0xc0, 0x00]),
    [...get(local.at), ...get(local.stride), op.lessUnsigned, op.branchIf, 0, op.end],
    // then all of them into one, which is stored,
    [...get(first), ...get(second), ...addVectors, ...get(third), ...get(fourth), ...addVectors],
    [...addVectors, ...set(first)],
    [...get(local.out), ...sumOfLanes, op.store, 2, 0],
    // and on to the next.
    add(local.vectors, get(local.stride)),
    add(local.out, [op.constant, 4]),
    [...get(local.count), op.constant, 1, op.subtract, ...set(local.count)],
    [...get(local.count), op.branchIf, 0, op.end, op.end, op.end],
  ].flat()
}

function moduleBytes(): Uint8Array {
  const section = (id: number, content: readonly number[]) => [id, ...length(content.length), ...content]
  const name = (text: string) => [text.length, ...Buffer.from(text)]
  const code = names.flatMap((kernel) => {
    const content = [2, 1, i32, 5, v128, ...body(kernel)]
    return [...length(content.length), ...content]
  })
  const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  const oneType = [1, 0x60, 5, i32, i32, i32, i32, i32, 0]
  const oneMemory = [1, ...name('store'), ...name('memory'), 0x02, 0x00, 1]
  return Uint8Array.from([
    ...magicAndVersion,
    ...section(1, oneType),
    ...section(2, oneMemory),
    ...section(3, [names.length, ...names.map(() => 0)]),
    ...section(7, [names.length, ...names.flatMap((kernel, index) => [...name(kernel), 0x00, index])]),
    ...section(10, [names.length, ...code]),
  ])
}

/** Unsigned LEB128. */
function length(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...length(value >>> 7)]
}

/** What is used of WebAssembly: Node has it, TypeScript only knows it together with the DOM. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

const { Module, Instance, Memory } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object
      Instance: new (module: object, imports: object) => { exports: unknown }
      Memory: new (limits: { initial: number }) => KernelMemory
    }
  }
).WebAssembly

export const pageBytes = 65_536

/** A memory of one page. */
export const newMemory = (): KernelMemory => new Memory({ initial: 1 })

let compiled: object | undefined

/** The kernels over one memory. */
export function kernelsOf(memory: KernelMemory): Readonly<Record<KernelName, Kernel>> {
  compiled ??= new Module(moduleBytes())
  return new Instance(compiled, { store: { memory } }).exports as Readonly<Record<KernelName, Kernel>>
}
