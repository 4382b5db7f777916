import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts'],
          exclude: ['test/unit/capacity/comes-true*.test.ts'],
        },
      },
      // Minutes of simulation: part of `npm test`, not of `npm run check`.
      { test: { name: 'proof', include: ['test/unit/capacity/comes-true*.test.ts'] } },
      { test: { name: 'cli', include: ['test/cli/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // These tests time real processes on a small machine: one file at a time.
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
