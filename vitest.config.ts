import { defineConfig } from 'vitest/config';

/** What runs the built program, and what takes more than a second or two: mostly engines on many programs. */
const PROGRAM = [
  'test/readme.test.ts',
  'test/base/locking.test.ts',
  'test/cli/**/*.test.ts',
  'test/data/{folder,large-files}.test.ts',
  'test/engines/native/{native,processes,threads}.test.ts',
  'test/engines/cuda/{command-line,emulated,gpu,kernel-cache}.test.ts',
  'test/engines/{export,onnx,onnx-sessions,tfjs}.test.ts',
  'test/inference/export.test.ts',
  'test/reliability/campaign.test.ts',
  'test/training/{devices,trainer}.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Engines use every core themselves.
    maxWorkers: 2,
    // What native takes to compile, for hundreds of small networks, would be most of the time.
    env: { VAE_DEVICE: 'onnx' },
    projects: [
      {
        // Needs no build and takes seconds: npm run test:unit.
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: PROGRAM },
      },
      {
        // The command line is tested as users run it, from the build.
        extends: true,
        test: { name: 'program', include: PROGRAM, globalSetup: ['test/build.ts'] },
      },
    ],
  },
});
