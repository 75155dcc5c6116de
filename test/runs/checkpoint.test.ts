/** A checkpoint is used whole, or refused in one line. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { type Checkpoint, encodeCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import { START } from '../../src/runs/progress.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runs/safetensors.ts';
import { DEFAULTS } from '../../src/settings/table.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'last.safetensors');

const tensor = (name: string, ...values: number[]) => ({
  name,
  shape: [values.length],
  values: Float32Array.from(values),
});
const checkpoint: Checkpoint = {
  config: { ...DEFAULTS, threads: 1 },
  imageShape: [1, 2, 2],
  progress: { ...START, step: 8, epoch: 2, best: { epoch: 1, bound: -3 } },
  data: '4 + 0 + 2 images of 1 × 2 × 2, CRC 00000000',
  parameters: [tensor('encoder.0.weight', 1, 2, 3), tensor('encoder.0.bias', 4)],
  moments: { firstMoment: [tensor('encoder.0.weight', 5, 6, 7), tensor('encoder.0.bias', 8)] },
};
const whole = encodeCheckpoint(checkpoint);

const readBytes = (bytes: Uint8Array): Checkpoint => {
  writeFileSync(file, bytes);
  return readCheckpoint(file);
};

describe('a checkpoint', () => {
  it('comes back as it was written', () => {
    writeCheckpoint(file, checkpoint);
    expect(readFileSync(file).equals(whole)).toBe(true);
    expect(readCheckpoint(file)).toEqual(checkpoint);
  });

  it('of convolutions from before they had residual blocks has none', () => {
    const { layers: _, ...older } = { ...DEFAULTS, threads: 1, model: 'conv', hidden: [9], blocks: 4 } as const;
    const read = (config: object) => readBytes(encodeCheckpoint({ ...checkpoint, config: config as never })).config;
    expect(read(older).blocks).toBe(0);
    expect(read({ ...older, model: 'residual', hidden: [] }).blocks).toBe(4);
    expect(read({ ...older, layers: 3 }).blocks).toBe(4);
  });

  it('is refused whichever of its bits is another', () => {
    const accepted: number[] = [];
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] ^= 1 << (bit & 7);
      try {
        readBytes(damaged);
        accepted.push(bit);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is refused wherever it is cut, and with anything behind its end', () => {
    for (let length = 0; length < whole.length; length += 7) {
      expect(() => readBytes(whole.subarray(0, length))).toThrow(InputError);
    }
    expect(() => readBytes(Buffer.concat([whole, Buffer.from('more')]))).toThrow('4 bytes behind its last tensor');
  });

  it('says that it is damaged, and what to do', () => {
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 1] ^= 1;
    expect(() => readBytes(damaged)).toThrow(
      new InputError(`${file}: damaged: its checksum is wrong; use another checkpoint of the run`),
    );
  });

  it('of the time before checksums still opens', () => {
    const { tensors, metadata } = decodeSafetensors(whole, 'whole');
    const { checksum: _, ...rest } = metadata;
    expect(readBytes(encodeSafetensors({ tensors, metadata: { ...rest, vae: '1' } }))).toEqual(checkpoint);
    expect(() => readBytes(encodeSafetensors({ tensors, metadata: rest }))).toThrow('its checksum is wrong');
  });

  for (const [name, value] of [
    ['NaN', Number.NaN],
    ['infinite', Number.NEGATIVE_INFINITY],
  ] as const) {
    it(`with a weight or a moment that is ${name} is neither written nor read`, () => {
      const weight = { ...checkpoint, parameters: [tensor('encoder.0.weight', 1, value, 3)] };
      expect(() => encodeCheckpoint(weight)).toThrow('after 8 updates "encoder.0.weight" is no longer finite');
      const moment = { ...checkpoint, moments: { firstMoment: [tensor('encoder.0.bias', value)] } };
      expect(() => encodeCheckpoint(moment)).toThrow('"optimizer.firstMoment.encoder.0.bias" is no longer finite');
      const { tensors, metadata } = decodeSafetensors(whole, 'whole');
      tensors[1].values[0] = value;
      const { checksum: _, ...old } = metadata;
      expect(() => readBytes(encodeSafetensors({ tensors, metadata: { ...old, vae: '1' } }))).toThrow(
        `${file}: its tensor "encoder.0.bias" is not finite; use another checkpoint of the run`,
      );
    });
  }
});

/** Files that somebody has written by hand: their checksum, where they have one, is right. */
describe('a checkpoint that is crafted', () => {
  const crafted = (metadata: Readonly<Record<string, unknown>>): Buffer => {
    const { tensors, metadata: own } = decodeSafetensors(whole, 'whole');
    const { checksum: _, ...rest } = own;
    const texts = Object.entries(metadata).map(([name, value]) => [name, JSON.stringify(value)]);
    return encodeSafetensors({ tensors, metadata: { ...rest, vae: '1', ...Object.fromEntries(texts) } });
  };
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  const { config, progress } = checkpoint;
  const cases: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'with sizes nested thousands deep': { config: { ...config, hidden: nested(4000) } },
    'with a size that is an object': { config: { ...config, latent: { toString: 1 } } },
    'with a name that is an object': { config: { ...config, optimizer: { toString: 1 } } },
    'with a list of objects': { config: { ...config, activation: [{ toString: 1 }] } },
    'with a name of a megabyte': { config: { ...config, optimizer: 'adam'.repeat(2 ** 18) } },
    'with images larger than memory': { imageShape: [1, 1e9, 1e9] },
    'with images of no shape': { imageShape: { length: 3 } },
    'with more epochs than updates': { progress: { ...progress, epoch: 9e14 } },
    'with a best epoch that never was': { progress: { ...progress, best: { epoch: 9e14, bound: 0 } } },
    'with sums of text': { progress: { ...progress, sums: 'none' } },
    'with no progress': { progress: null },
  };
  for (const [name, metadata] of Object.entries(cases)) {
    it(`${name} is refused in a short line`, () => {
      const bytes = crafted(metadata);
      let message = '';
      try {
        readBytes(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        ({ message } = error as Error);
      }
      expect(message).not.toBe('');
      expect(message.length).toBeLessThan(600);
    });
  }
});
