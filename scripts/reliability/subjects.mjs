/** Small trainings that the campaign tries to break: each takes half a second, and together they touch every kind of file. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { generator } from './random.mjs';

const SIDE = 6;

export function encodeIdx(shape, values) {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, values]);
}

/** A PNG of colours with an edge in it, written here, so that what reads it is not also what wrote it. */
export function drawPng(side, random, channels = 3) {
  const edge = random.below(side);
  const [from, to] = [random.below(256), random.below(256)];
  const rows = [];
  for (let y = 0; y < side; y++) {
    rows.push(0);
    for (let x = 0; x < side; x++) for (let c = 0; c < channels; c++) rows.push((x > edge ? from : to) ^ (c * 40));
  }
  const chunk = (type, body) => {
    const typed = Buffer.concat([Buffer.from(type), body]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    checksum.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, checksum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8;
  header[9] = { 1: 0, 3: 2, 4: 6 }[channels];
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The four files of MNIST, with pixels of noise and a bar. */
export function writeDigits(folder, training = 48, held = 12, side = SIDE) {
  mkdirSync(folder, { recursive: true });
  const random = generator('digits');
  for (const [part, count] of [
    ['train', training],
    ['t10k', held],
  ]) {
    const pixels = Buffer.from(
      Array.from({ length: count * side * side }, (_, i) => (i % side === (i >> 5) % 4 ? 200 : 0) + random.below(50)),
    );
    writeFileSync(path.join(folder, `${part}-images-idx3-ubyte`), encodeIdx([count, side, side], pixels));
    const labels = Buffer.from(Array.from({ length: count }, (_, i) => i % 4));
    writeFileSync(path.join(folder, `${part}-labels-idx1-ubyte`), encodeIdx([count], labels));
  }
}

/** Folders of pictures in two classes. */
export function writePictures(folder, count = 12, side = 10) {
  const random = generator('pictures');
  for (const name of ['cats', 'dogs']) {
    mkdirSync(path.join(folder, name), { recursive: true });
    for (let i = 0; i < count / 2; i++) writeFileSync(path.join(folder, name, `${i}.png`), drawPng(side, random));
  }
}

/** Batches of CIFAR-10. */
export function writeColours(folder, count = 8) {
  mkdirSync(folder, { recursive: true });
  const random = generator('colours');
  const batch = (records) =>
    Buffer.concat(
      Array.from({ length: records }, () => Buffer.concat([Buffer.of(random.below(10)), random.bytes(3072)])),
    );
  writeFileSync(path.join(folder, 'data_batch_1.bin'), batch(count));
  writeFileSync(path.join(folder, 'test_batch.bin'), batch(count >> 1));
}

const NETWORK = ['--model', 'dense', '--likelihood', 'bernoulli', '--hidden', '8', '--latent', '2', '--threads', '1'];

/** Makes the data, and says how each subject is trained. */
export function makeSubjects(folder) {
  const [digits, pictures] = [path.join(folder, 'digits'), path.join(folder, 'pictures')];
  writeDigits(digits);
  writePictures(pictures);
  const onDigits = ['--data-dir', digits, '--batch-size', '12', '--gradient-norm', ...NETWORK];
  const reference = ['--device', 'reference'];
  return {
    digits: [...onDigits, ...reference, '--validation', '8', '--keep-every', '2'],
    onnx: [...onDigits, '--device', 'onnx', '--dropout', '0.1'],
    pictures: ['--dataset', pictures, '--image-size', '6', '--batch-size', '3', ...NETWORK, ...reference],
  };
}
