/**
 * What the program reads, each with whole files, and what may become of a damaged one. A parser with a checksum (sealed)
 * must give what the whole file gives or refuse; one without may give something else that is consistent in itself.
 */

import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { damage, damageChunks, damageHeader, damageValue, flipBit } from './mutations.mjs';
import { generator } from './random.mjs';
import { drawPng, encodeIdx } from './subjects.mjs';

const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url));

const isPicture = ({ width, height, rgba }) => rgba.length === 4 * width * height && rgba.length > 0;

/** A small network with its moments: what a run of two updates saves. */
function makeCheckpoint(encodeCheckpoint, config) {
  const random = generator('checkpoint');
  const sizes = {
    'encoder.0.weight': [2, 4],
    'encoder.0.bias': [2],
    'decoder.0.weight': [4, 2],
    'decoder.0.bias': [4],
  };
  const tensors = () =>
    Object.entries(sizes).map(([name, shape]) => ({
      name,
      shape,
      values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.next() - 0.5),
    }));
  const best = { epoch: 1, bound: -3.5 };
  const sums = { images: 0, loss: 0, bound: 0, logLikelihood: 0, kl: 0, gradientNorm: 0 };
  const checkpoint = {
    config,
    imageShape: [1, 2, 2],
    progress: { step: 2, epoch: 1, batch: 0, sums, best },
    data: '8 + 0 + 4 images of 1 × 2 × 2, CRC 12345678',
    parameters: tensors(),
    moments: { mean: tensors(), square: tensors() },
  };
  return { checkpoint, bytes: encodeCheckpoint(checkpoint) };
}

/** The same files in a folder each time, of which one is damaged. */
function inFolder(folder, files, damaged) {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(folder, name), bytes);
  return (bytes) => {
    const file = path.join(folder, damaged);
    writeFileSync(file, bytes);
    return file;
  };
}

async function checkpointParsers(folder) {
  const { encodeCheckpoint, readCheckpoint } = await dist('runs/checkpoint.js');
  const { checkConfig } = await dist('settings/check.js');
  const { DEFAULTS } = await dist('settings/table.js');
  const { decodeSafetensors, encodeSafetensors } = await dist('runs/safetensors.js');
  const config = checkConfig({ ...DEFAULTS, threads: 1, hidden: [2], latent: 1 });
  const { checkpoint, bytes } = makeCheckpoint(encodeCheckpoint, config);
  const put = inFolder(folder, {}, 'checkpoint.safetensors');
  const parse = (damaged) => readCheckpoint(put(damaged));
  const isFiniteThroughout = ({ parameters, moments }) =>
    [parameters, ...Object.values(moments)].flat().every(({ values }) => values.every(Number.isFinite));
  const plain = { parse, sources: [bytes], isSound: isFiniteThroughout };
  /** Not every value can be written. */
  const craft = (random) => {
    for (;;) {
      try {
        return encodeCheckpoint(damageValue(checkpoint, random));
      } catch {
        // Another one, then.
      }
    }
  };
  const text = encodeSafetensors({ tensors: checkpoint.parameters, metadata: { format: 'pt' } });
  return {
    'bits of a checkpoint': {
      ...plain,
      mustRefuse: true,
      cases: 8 * bytes.length,
      // Far from each other, so that the first ones are of every part of the file: 7919 divides no such number.
      mutate: (whole, _, __, n) => flipBit(whole, (7919 * n) % (8 * whole.length)),
    },
    'damaged checkpoint': { ...plain, mustRefuse: true },
    'damaged header of a checkpoint': { ...plain, mustRefuse: true, mutate: damageHeader },
    // As a stranger would make one: with a right checksum.
    'crafted checkpoint': { ...plain, mutate: (_, random) => craft(random) },
    'damaged safetensors': {
      sources: [text],
      parse: (damaged) => decodeSafetensors(damaged, 'file'),
      isSound: ({ tensors }) =>
        tensors.every(({ shape, values }) => values.length === shape.reduce((a, b) => a * b, 1)),
      mutate: (whole, random, others) => (random.below(2) === 0 ? damageHeader : damage)(whole, random, others),
    },
  };
}

async function dataParsers(folder) {
  const { parseIdx } = await dist('data/known/idx.js');
  const { readCifarBatches } = await dist('data/known/cifar-batches.js');
  const { unpackFolder } = await dist('data/known/unpack.js');
  const { create } = await import('tar');
  const random = generator('data');
  const idx = [encodeIdx([6, 5, 4], random.bytes(120)), encodeIdx([9], random.bytes(9))];
  const isIdx = ({ shape, values }) => values.length === shape.reduce((a, b) => a * b, 1);
  const batch = Buffer.concat(Array.from({ length: 3 }, () => Buffer.concat([Buffer.of(7), random.bytes(3072)])));
  const cifar = path.join(folder, 'cifar');
  const putBatch = inFolder(cifar, { 'test_batch.bin': batch }, 'data_batch_1.bin');
  const parse = (bytes) => parseIdx(bytes, 'file');

  const archived = path.join(folder, 'archived');
  inFolder(path.join(archived, 'batches'), { 'a.bin': random.bytes(900), 'b.bin': random.bytes(40) }, 'a.bin');
  const archive = path.join(folder, 'archive.tar.gz');
  await create({ gzip: true, file: archive, cwd: archived }, ['batches']);
  const unpacked = path.join(folder, 'unpacked');
  const putArchive = inFolder(unpacked, {}, 'batches.tar.gz');
  const readArchive = async (bytes) => {
    rmSync(path.join(unpacked, 'batches'), { recursive: true, force: true });
    await unpackFolder(putArchive(bytes), 'batches');
    return ['a.bin', 'b.bin'].map((name) => readFileSync(path.join(unpacked, 'batches', name)));
  };
  return {
    'damaged idx': { sources: idx, parse, isSound: isIdx },
    'damaged gzipped idx': {
      sources: idx.map((bytes) => gzipSync(bytes)),
      parse,
      // Without gzip's first bytes it may have become a plain file, which has no checksum.
      isSealed: (bytes) => bytes[0] === 0x1f,
    },
    'crafted gzipped idx': {
      sources: idx,
      parse,
      isSound: isIdx,
      mutate: (whole, random, others) => gzipSync(damage(whole, random, others)),
    },
    'damaged cifar batch': {
      sources: [batch],
      parse: (bytes) => {
        putBatch(bytes);
        return readCifarBatches(cifar).train;
      },
      isSound: ({ count, images, labels }) => images.length === 3072 * count && labels.length === count,
    },
    'damaged archive': { sources: [readFileSync(archive)], parse: readArchive, isSealed: true, isSlow: true },
  };
}

async function pictureParsers() {
  const { decodePng, encodePng } = await dist('data/pictures/png.js');
  const { decodePicture } = await dist('data/pictures/decode.js');
  const { decodeColumn, encodeColumn } = await dist('report/history.js');
  const random = generator('pictures');
  const pngs = [drawPng(5, random), drawPng(3, random, 1), drawPng(4, random, 4), encodePng(4, 2, 1, random.bytes(8))];
  const parsePng = (bytes) => decodePng(bytes, 'file');
  const parseAny = (bytes) => decodePicture(bytes, 'file');
  const shape = [1, 3, 4];
  const column = encodeColumn(
    Float32Array.from({ length: 24 }, () => random.next()),
    shape,
  );
  const parsers = {
    'damaged png': { sources: pngs, parse: parsePng, isSealed: true },
    'crafted png': { sources: pngs, parse: parsePng, isSound: isPicture, mutate: damageChunks },
    'damaged picture of a history': {
      sources: [column],
      parse: (bytes) => decodeColumn(bytes, shape, 'file'),
      isSealed: true,
    },
    'crafted picture of a history': {
      sources: [column],
      parse: (bytes) => decodeColumn(bytes, shape, 'file'),
      isSound: (values) => values.length % 12 === 0,
      mutate: damageChunks,
    },
    'damaged png, any reader': { sources: pngs, parse: parseAny, isSealed: true, isSlow: true },
    'crafted png, any reader': {
      sources: pngs,
      parse: parseAny,
      isSound: isPicture,
      mutate: damageChunks,
      isSlow: true,
    },
  };
  try {
    const { default: sharp } = await import('sharp');
    const raw = { raw: { width: 9, height: 7, channels: 3 } };
    const draw = (format, options) =>
      sharp(random.bytes(9 * 7 * 3), raw)
        .toFormat(format, options)
        .toBuffer();
    const formats = {
      jpeg: [{}, { progressive: true }],
      webp: [{}, { lossless: true }],
      tiff: [{}, { compression: 'lzw' }],
    };
    for (const [format, kinds] of Object.entries({ ...formats, gif: [{}], avif: [{}] })) {
      const sources = [];
      for (const kind of kinds) sources.push(await draw(format, kind));
      parsers[`damaged ${format}`] = { sources, parse: parseAny, isSound: isPicture, isSlow: true };
    }
  } catch {
    // Where sharp cannot be loaded, the program reads PNG alone.
  }
  return parsers;
}

async function folderParsers(folder) {
  const { loadFolder } = await dist('data/folders/folder.js');
  const { residentImages, closeDataset } = await dist('data/dataset.js');
  const { readdirSync } = await import('node:fs');
  const random = generator('folder');
  const [pictures, cache] = [path.join(folder, 'images'), path.join(folder, 'cache')];
  process.env.VAE_DATA_DIR = cache;
  const files = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`${i}.png`, drawPng(3, random)]));
  inFolder(pictures, files, '0.png');
  for (const name of Object.keys(files)) utimesSync(path.join(pictures, name), 1e9, 1e9);
  const silent = { note() {}, progress() {} };
  const load = async (residentBytes) => {
    const set = await loadFolder(
      pictures,
      { imageSize: 4, seed: 1, ...(residentBytes !== undefined && { residentBytes }) },
      silent,
    );
    try {
      return [set.train, set.test].map(({ images, labels, count }) => [
        Buffer.from(residentImages({ images, count })),
        Buffer.from(labels),
      ]);
    } finally {
      closeDataset({ ...set, validation: set.test });
    }
  };
  await load();
  const [name] = readdirSync(path.join(cache, 'folders'));
  const file = path.join(cache, 'folders', name);
  const whole = readFileSync(file);
  const parse = (residentBytes) => (bytes) => {
    writeFileSync(file, bytes);
    return load(residentBytes);
  };
  const pack = { sources: [whole], isSealed: true, isSlow: true };
  return {
    'damaged cache of a folder': { ...pack, parse: parse() },
    'damaged cache too large for memory': { ...pack, parse: parse(0) },
  };
}

async function runParsers(folder) {
  const { RunDirectory } = await dist('runs/run-directory.js');
  const line = (epoch) => {
    const bound = { loss: 3.5, bound: -3.5, logLikelihood: -3, kl: 0.5, gradientNorm: 0 };
    return { epoch, step: 4 * epoch, train: bound, test: { bound: -3.6, logLikelihood: -3, kl: 0.6 }, seconds: 0.1 };
  };
  const lines = Buffer.from([1, 2, 3].map((epoch) => `${JSON.stringify(line(epoch))}\n`).join(''));
  const put = inFolder(folder, {}, 'metrics.jsonl');
  const run = new RunDirectory(folder);
  const isRecord = (record) => typeof record === 'object' && record !== null;
  return {
    'damaged metrics': {
      sources: [lines],
      parse(bytes) {
        put(bytes);
        run.keepMetricsTo({ epoch: 2, step: 8 });
        return run.metrics();
      },
      isSound: (records) => records.every(isRecord),
    },
  };
}

const GROUPS = {
  checkpoints: checkpointParsers,
  data: dataParsers,
  pictures: pictureParsers,
  folders: folderParsers,
  runs: runParsers,
};

/** The parsers of a group, or all, by group and name. Each works in a folder of its own. */
export async function makeParsers(folder, group) {
  const parsers = {};
  for (const name of group === undefined ? Object.keys(GROUPS) : [group]) {
    const place = path.join(folder, name);
    mkdirSync(place, { recursive: true });
    for (const [kind, parser] of Object.entries(await GROUPS[name](place))) parsers[`${name}: ${kind}`] = parser;
  }
  return parsers;
}
