/** Every device by one flag: what a missing, broken or misspelt one says, what auto takes, and what a run records. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findToolchain } from '../../src/engines/native/toolchain.ts';
import { writeDigits } from '../data/digits.ts';
import { temporaryFolder, vae, vaeWith } from './vae.ts';

const toolchain = await findToolchain().catch(() => undefined);
const { folder, remove } = temporaryFolder();
beforeAll(() => writeDigits(path.join(folder, 'data'), 60, 20));
afterAll(remove);

interface Packages {
  readonly without?: readonly string[];
  readonly broken?: readonly string[];
  /** Where compilers are looked for; by default nowhere. */
  readonly compilers?: string;
}

const ORT = 'onnxruntime-node';
const tfjs = (name: string): string => `@tensorflow/tfjs-${name}`;
const ALL_TFJS = ['node-gpu', 'node', 'backend-wasm', 'backend-cpu', 'core'].map(tfjs);

const BENCH = ['bench', '--calls', '1', '--seconds', '0.1', '--json'];

/** The program on a machine where packages are missing, or do not work. */
const onMachine = ({ without = [], broken = [], compilers = folder }: Packages, ...args: string[]) =>
  vaeWith(
    {
      NODE_OPTIONS: `--import=${path.resolve('test/cli/without-packages.mjs')}`,
      WITHOUT: without.join(),
      BROKEN: broken.join(),
      VAE_DEVICE: '',
      PATH: compilers,
      CC: '',
    },
    folder,
    ...args,
  );

const train = (packages: Packages, out: string, ...args: string[]) =>
  onMachine(
    packages,
    ...[
      'train',
      '--data-dir',
      'data',
      '--hidden',
      '4',
      '--latent',
      '2',
      '--batch-size',
      '20',
      '--epochs',
      '1',
      '--out',
      out,
      ...args,
    ],
  );

const json = (...parts: string[]) => JSON.parse(readFileSync(path.join(folder, ...parts), 'utf8'));

describe('a device that is not here says in one line what it needs', () => {
  const elsewhere = process.platform === 'win32' ? 'onnx:coreml' : 'onnx:dml';
  const cases: readonly (readonly [device: string, Packages, says: RegExp])[] = [
    [
      'tfjs:node-gpu',
      { without: [tfjs('node-gpu')] },
      /Node 20 or 22 .*CUDA 11\.2 and cuDNN 8\.1; run npm install --no/,
    ],
    [
      'tfjs:node',
      { without: [tfjs('node')] },
      /not installed: .*run npm install --no-save --save-dev --ignore-scripts=false @tens/,
    ],
    [
      'tfjs:node',
      { broken: [tfjs('node')] },
      /does not work here \(its native addon cannot be loaded\): it needs an inst/,
    ],
    [
      'tfjs:wasm',
      { without: [tfjs('backend-wasm')] },
      /run npm install --no-save --save-dev @tensorflow\/tfjs-core@4\.22\.0 @tensor/,
    ],
    [
      'tfjs:cpu',
      { without: [tfjs('core')] },
      /tfjs:cpu: @tensorflow\/tfjs-backend-cpu is not installed: run npm install/,
    ],
    ['tfjs', { without: ALL_TFJS }, /tfjs-backend-wasm is not installed: run npm install/],
    ['onnx', { without: [ORT] }, /onnx: needs onnxruntime-node.*run npm ci/],
    ['webgpu', { broken: [ORT] }, /onnx: needs onnxruntime-node.*\(its native addon cannot be loaded\)/],
    [elsewhere, {}, /not for \w+: it needs/],
  ];
  for (const [device, packages, says] of cases) {
    const how = Object.entries(packages).map(([what, names]) => ` ${what} ${names.join(', ')}`);
    it(`${device}${how.join()}`, async () => {
      const { code, stdout, stderr } = await onMachine(packages, 'bench', '--device', device, '--calls', '1');
      expect(stderr).toMatch(/^vae: [^\n]+\n$/);
      expect(stderr).toMatch(says);
      expect([code, stdout]).toEqual([1, '']);
    });
  }

  it('unless its name is wrong, which is a mistake of usage', async () => {
    const { code, stderr } = await vae(folder, 'bench', '--device', 'tfjs:wsm');
    expect(stderr).toMatch(/^vae: --device tfjs:wsm: .* did you mean tfjs:wasm\?\n$/);
    expect(code).toBe(2);
  });

  for (const device of ['onnx:cuda', 'webgpu']) {
    it(`${device}, where it does not work`, async () => {
      const { code, stderr } = await vae(folder, 'bench', '--device', device, '--calls', '1', '--seconds', '1');
      const lines = stderr.split('\n').filter((line) => line.startsWith('vae: '));
      expect(lines).toEqual(code === 0 ? [] : [expect.stringMatching(/does not work here: it needs/)]);
      expect(stderr).not.toContain('EngineError');
    });
  }
});

describe('auto', () => {
  /** Floats in a vector of the processors on which native has been measured. */
  const MEASURED = 8;
  it.skipIf(toolchain?.lanes !== MEASURED)(
    'takes native where there is a compiler, in silence; all goes on with it',
    async () => {
      const { code, stderr } = await train({ compilers: process.env.PATH! }, 'compiled');
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('native')]);
      expect(json('compiled', 'config.json').device).toBe('native');
      expect((await vae(folder, 'sample', '--run', 'compiled', '--out', 'compiled.png')).code).toBe(0);
      // As a run that was never stopped, to the last digit.
      const resumed = await vae(folder, 'train', '--resume', 'compiled', '--epochs', '2');
      expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('CPU')]);
      await train({ compilers: process.env.PATH! }, 'compiled-whole', '--epochs', '2');
      const last = (run: string) => readFileSync(path.join(folder, run, 'checkpoints', 'last.safetensors'));
      expect(last('compiled').equals(last('compiled-whole'))).toBe(true);
    },
  );

  it.skipIf(process.platform === 'win32')('says in a line that a compiler does not work, and takes onnx', async () => {
    const compilers = path.join(folder, 'compilers');
    mkdirSync(compilers);
    const macro = process.arch === 'arm64' ? '__aarch64__' : '__x86_64__';
    const script = `case "$*" in *-dM*) echo "#define ${macro} 1";; *--version*) echo old 1;; *) echo "a.c:1: error: too old" >&2; exit 1;; esac`;
    writeFileSync(path.join(compilers, 'cc'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const { code, stderr } = await train({ compilers }, 'failing');
    expect(code).toBe(0);
    const lines = stderr.split('\n').filter((line) => line.includes('native'));
    expect(lines).toEqual(['native: the compiler cc failed: a.c:1: error: too old; continuing with the device onnx']);
    expect(json('failing', 'config.json').device).toBe('onnx');
  });

  it('takes what the variable VAE_DEVICE names', async () => {
    const { stdout } = await vaeWith({ VAE_DEVICE: 'tfjs:wasm' }, folder, ...BENCH);
    expect(JSON.parse(stdout).device).toBe('tfjs:wasm');
    const { code, stderr } = await vaeWith({ VAE_DEVICE: 'gpu' }, folder, ...BENCH);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^vae: the variable VAE_DEVICE names "gpu"[^\n]*\n$/)]);
  });

  it('takes onnx where there is no compiler, in silence, and the run records so', async () => {
    const { code, stderr } = await train({}, 'plain');
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('going on')]);
    expect(json('plain', 'config.json').device).toBe('onnx');
    expect(json('plain', 'environment.json').engine).toBe('onnx');
  });

  it('goes on with tfjs:wasm where onnx is broken, and says so once; a resumed run stays there', async () => {
    const { code, stderr } = await train({ broken: [ORT] }, 'fallen');
    expect(code).toBe(0);
    expect(stderr.match(/continuing with the device tfjs:wasm/g)).toHaveLength(1);
    expect(json('fallen', 'config.json').device).toBe('tfjs:wasm');
    const resumed = await vae(folder, 'train', '--resume', 'fallen', '--epochs', '2');
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('TensorFlow.js')]);
    expect(json('fallen', 'environment.json').engine).toBe('tfjs:wasm');
    // As a run that was never stopped, to the last digit.
    await train({ broken: [ORT] }, 'whole', '--epochs', '2');
    const last = (run: string) => readFileSync(path.join(folder, run, 'checkpoints', 'last.safetensors'));
    expect(last('fallen').equals(last('whole'))).toBe(true);
  });

  it('goes on with reference where nothing else is left', async () => {
    const { code, stderr } = await train({ broken: [ORT], without: ALL_TFJS }, 'slow');
    expect([code, stderr]).toEqual([0, expect.stringContaining('continuing with the device reference')]);
    expect(json('slow', 'config.json').device).toBe('reference');
  });
});

describe('tfjs', () => {
  it('takes wasm where the native package is not installed, in silence', async () => {
    const { stdout, stderr } = await onMachine(
      { without: ['node', 'node-gpu'].map(tfjs) },
      ...['bench', '--device', 'tfjs', '--calls', '1', '--seconds', '0.1', '--json'],
    );
    expect([JSON.parse(stdout).device, stderr]).toEqual(['tfjs:wasm', '']);
  });

  it('takes wasm where the native package does not work, and says so', async () => {
    const { stdout, stderr } = await onMachine(
      { without: [tfjs('node-gpu')], broken: [tfjs('node')] },
      ...['bench', '--device', 'tfjs', '--calls', '1', '--seconds', '0.1', '--json'],
    );
    expect(JSON.parse(stdout).device).toBe('tfjs:wasm');
    expect(stderr).toMatch(
      /^tfjs:node: @tensorflow\/tfjs-node does not work here .* continuing with the device tfjs:wasm\n$/,
    );
  });
});

describe('more threads than the machine has', () => {
  const processors = availableParallelism();
  const used = `--threads 1024: this machine has ${processors} processor${processors === 1 ? '' : 's'}; using ${processors}\n`;

  it('are told of in a line, and what is used is recorded', async () => {
    const { code, stderr } = await train({}, 'threads', '--device', 'onnx', '--threads', '1024');
    expect([code, stderr]).toEqual([0, expect.stringContaining(used)]);
    expect(json('threads', 'config.json').threads).toBe(processors);
    const resumed = await vae(folder, 'train', '--resume', 'threads', '--epochs', '2');
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.not.stringContaining('--threads')]);
  });

  it('are told of by commands that use a model', async () => {
    const { code, stderr } = await vae(folder, 'sample', '--run', 'threads', '--threads', '1024', '--out', 'many.png');
    expect([code, stderr]).toEqual([0, expect.stringContaining(used)]);
  });
});
