import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'native/src/**/*.test.ts',
      'bench/src/**/*.test.mjs',
      'bench/bearer/**/*.test.mjs',
      'bench/profile/**/*.test.mjs',
      'test/**/*.test.ts',
      'scripts/**/*.test.mjs',
    ],
    // A process of its own per file: rings, file descriptors and memory limits are per process.
    pool: 'forks',
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // The list of skipped tests first, so that vitest's own summary is the last thing printed.
    reporters: ['./scripts/skipped-reporter.mjs', 'default'],
  },
});
