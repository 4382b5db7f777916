import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What asserts times that this machine measures: a bench (`npm run bench measuring`), for a machine that does nothing else. */
const measuring = ['test/e2e/measuring/queueing.test.ts', 'test/e2e/measuring/streams.test.ts']
/** What wants the machine for itself, and asserts no time. */
const timing = ['test/e2e/loop/*.test.ts']
/** Rollouts that take minutes: `npm run test:engine`, with those in an engine. */
const rollouts = ['canary', 'bluegreen'].map((name) => `test/e2e/rollout/${name}.test.ts`)
/** A test that takes this long is stuck: what takes milliseconds may take seconds on a busy machine, and is none the worse. */
const stuckMs = 60_000
/** What computes: vitest would leave a core idle. */
const everyCore = '100%'
/** What runs in a Docker engine of the run's own (test/engine). */
const engine = ['test/e2e/engine/**/*.test.ts', 'test/e2e/image/*.test.ts']
/** Of these, what takes minutes of waiting each: `npm run test:engine`. */
const engineLong = [
  'rolling',
  'rolling-image',
  'swarm',
  'swarm-rollout',
  'swarm-vector',
  'swarm-nodes',
  'swarm-returns',
  'rollout',
  'faults',
  'engine-faults',
  'engine-returns',
  'registry',
  'vector-faults',
].map((name) => `test/e2e/engine/${name}.test.ts`)

/** Minutes of real processes each, longest first: whichever of them began last, the others would wait for. */
const longest = [
  'rollout/local',
  'external/whole-loop',
  'faults/interrupted-loop',
  'local',
  'local-interrupted',
  'worker-queue',
  'vector/killed',
  'qdrant-failure',
  'balancer/balancers',
  'faults/failing-servers',
].map((name) => `test/e2e/${name}.test.ts`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files)
    const place = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name))
      return at === -1 ? longest.length : at
    }
    return others.toSorted((one, other) => place(one) - place(other))
  }
}

/** Containers, in an engine that all files share: one after another. */
const inAnEngine = {
  globalSetup: 'test/engine/global-setup.ts',
  testTimeout: 180_000,
  hookTimeout: 180_000,
  fileParallelism: false,
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts'],
          exclude: ['test/unit/capacity/comes-true*.test.ts'],
          testTimeout: stuckMs,
          maxWorkers: everyCore,
        },
      },
      // Minutes of simulation: part of `npm test`, not of `npm run check`.
      {
        test: { name: 'proof', include: ['test/unit/capacity/comes-true*.test.ts'], maxWorkers: everyCore },
      },
      {
        test: {
          name: 'cli',
          include: ['test/cli/**/*.test.ts'],
          testTimeout: stuckMs,
          maxWorkers: everyCore,
        },
      },
      {
        test: {
          // Real processes, on any machine however busy: a few files at a time, as they mostly wait.
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...timing, ...measuring, ...engine, ...rollouts],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 4,
        },
      },
      { test: { name: 'engine', include: engine, exclude: engineLong, ...inAnEngine } },
      { test: { name: 'engine-long', include: engineLong, ...inAnEngine } },
      {
        test: {
          // Real processes that measure each other: by themselves.
          name: 'timing',
          include: timing,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'rollouts',
          include: rollouts,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'measuring',
          include: measuring,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // A real API server: `npm run test:kubernetes`.
          name: 'kubernetes',
          include: ['test/kubernetes/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Servers that are given by URL: `npm run test:real`.
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
