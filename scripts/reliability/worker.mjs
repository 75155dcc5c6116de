/**
 * Tries cases of one kind, one after the other, in a process of its own that may be stopped: damaged files for a parser,
 * or attempts (downloads, settings), which throw where something is wrong.
 *
 *   node scripts/reliability/worker.mjs <kind> <seed> <case>     shows what becomes of one case
 */

import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { BOMBS } from './bombs.mjs';
import { makeDownloads } from './downloads.mjs';
import { damage } from './mutations.mjs';
import { makeParsers } from './parsers.mjs';
import { generator } from './random.mjs';
import { makeSettings } from './settings.mjs';

const { UserError } = await import(new URL('../../dist/base/errors.js', import.meta.url));
const { parseIdx } = await import(new URL('../../dist/data/known/idx.js', import.meta.url));
const { decodePicture } = await import(new URL('../../dist/data/pictures/decode.js', import.meta.url));
const { decodePng } = await import(new URL('../../dist/data/pictures/png.js', import.meta.url));

const BATCH = 2000;

/** Bombs may be refused or decoded, within the bounds of time and memory. */
function bombParser() {
  const cases = Object.entries(BOMBS).flatMap(([name, make]) =>
    (name.startsWith('png')
      ? [(bytes) => decodePng(bytes, name), (bytes) => decodePicture(bytes, name)]
      : [(bytes) => parseIdx(bytes, name)]
    ).map((parse) => ({ make, parse })),
  );
  return {
    cases: cases.length,
    sources: cases,
    mutate: (_, __, ___, n) => ({ bytes: cases[n].make(), parse: cases[n].parse }),
    parse: ({ bytes, parse }) => parse(bytes),
    isSound: () => true,
    hasNoWhole: true,
  };
}

async function outcomeOf(parse, bytes) {
  try {
    return { value: await parse(bytes) };
  } catch (error) {
    return { error };
  }
}

/** One case: 'refused', 'equal', 'other', or what is wrong with it. */
async function tryCase(parser, wholes, seed, name, n) {
  const random = generator(seed, name, n);
  if (parser.attempt !== undefined) {
    const { value, error } = await outcomeOf(() => parser.attempt(random, n));
    return error === undefined ? { kind: value } : { wrong: String(error?.message ?? error).slice(0, 400) };
  }
  const { sources, parse, mutate = damage, mustRefuse, isSealed, isSound = () => true } = parser;
  const i = random.below(sources.length);
  const damaged = mutate(sources[i], random, sources, n);
  const { value, error } = await outcomeOf(parse, damaged);
  if (error !== undefined) {
    if (!(error instanceof UserError)) return { wrong: `${error?.name}: ${error?.message}`.slice(0, 200), damaged };
    try {
      // As the command line words it.
      error.wordsFor((field) => field);
    } catch (inWords) {
      return { wrong: `${inWords?.name} in the words of an error: ${inWords?.message}`.slice(0, 200), damaged };
    }
    return { kind: 'refused', damaged, error };
  }
  if (Buffer.isBuffer(damaged) && damaged.equals(sources[i])) return { kind: 'equal', damaged };
  if (mustRefuse) return { wrong: 'accepted silently', damaged };
  // Pieces of whole files may make one of them again.
  if (wholes.some((whole) => isDeepStrictEqual(value, whole))) return { kind: 'equal', damaged };
  if (typeof isSealed === 'function' ? isSealed(damaged) : isSealed)
    return { wrong: 'another value is accepted silently', damaged };
  if (!isSound(value)) return { wrong: 'a value that makes no sense is accepted', damaged };
  return { kind: 'other', damaged };
}

async function prepared(name, folder) {
  const make = { bombs: bombParser, downloads: makeDownloads, settings: makeSettings }[name];
  const parser = make === undefined ? (await makeParsers(folder, name.split(':')[0]))[name] : await make(folder);
  if (parser === undefined) throw new Error(`there is no kind "${name}"`);
  const wholes = [];
  if (!parser.hasNoWhole && parser.sources !== undefined) {
    for (const source of parser.sources) wholes.push(await parser.parse(source));
  }
  return { parser, wholes };
}

async function work({ name, seed, from, to, milliseconds, folder, status }) {
  const { parser, wholes } = await prepared(name, folder);
  const end = Math.min(to, parser.cases ?? Number.POSITIVE_INFINITY);
  const deadline = performance.now() + milliseconds;
  const descriptor = openSync(status, 'r+');
  const tell = (report) => new Promise((resolve) => process.send(report, resolve));
  let counts = {};
  let wrong = [];
  let slowest = { milliseconds: 0 };
  let n = from;
  const report = async (done) => {
    const peak = 1024 * process.resourceUsage().maxRSS;
    await tell({ done, next: n, counts, wrong, slowest, peak, total: parser.cases });
    [counts, wrong] = [{}, []];
  };
  for (; n < end && performance.now() < deadline; n++) {
    writeSync(descriptor, String(n).padEnd(16), 0);
    const began = performance.now();
    const { kind = 'wrong', wrong: what } = await tryCase(parser, wholes, seed, name, n);
    const took = performance.now() - began;
    if (took > slowest.milliseconds) slowest = { milliseconds: took, n };
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (what !== undefined) wrong.push({ n, what });
    if ((n + 1) % (parser.attempt ? 1 : BATCH) === 0) await report(false);
  }
  await report(true);
}

async function show(name, seed, n) {
  const folder = mkdtempSync(path.join(tmpdir(), 'vae-damage-'));
  try {
    const { parser, wholes } = await prepared(name, folder);
    const { kind, wrong, damaged, error } = await tryCase(parser, wholes, seed, name, Number(n));
    process.stdout.write(`${name}, case ${n}: ${wrong ?? kind}${error ? `: ${error.message}` : ''}\n`);
    if (Buffer.isBuffer(damaged)) {
      writeFileSync('damaged.bin', damaged);
      process.stdout.write(`the damaged file is in damaged.bin (${damaged.length} bytes)\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.send === undefined) await show(...process.argv.slice(2));
else {
  process.once('message', async (task) => {
    await work(task);
    process.disconnect();
    process.exit(0);
  });
  // Nobody waits for what it finds any more.
  process.once('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
