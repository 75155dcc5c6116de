/** Files of more than 2 GiB, which Node reads only in parts. */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { PackedImages } from '../../src/data/dataset.ts';
import { readIdx } from '../../src/data/known/idx.ts';
import { encodeIdx } from './digits.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-large-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('an IDX file of more than 2 GiB is read batch by batch, in little memory', () => {
  const [count, side] = [2_048, 1_025];
  const file = path.join(folder, 'train-images-idx3-ubyte');
  const header = encodeIdx([count, side, side], new Uint8Array(0));
  writeFileSync(file, header);
  // A hole, which takes no room on the disk.
  truncateSync(file, header.length + count * side * side);
  const before = process.memoryUsage.rss();
  const { values, shape } = readIdx(file);
  expect(shape).toEqual([count, side, side]);
  expect((values as PackedImages).read(Int32Array.of(count - 1, 0))).toHaveLength(2 * side * side);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
  (values as PackedImages).close();
});
