/**
 * Preloaded into the program by `node --import`: counts what it does to files under one folder, and at the n-th such
 * operation does what VAE_FAULT says, as JSON:
 *
 *   { root, trace }                  writes a line per operation into the file `trace`
 *   { root, at, mode: 'before' }     the process is killed before the operation; also 'after', and 'half' of a write
 *   { root, at, mode: 'power' }      killed after it, and what was not flushed to disk is lost
 *   { root, at, mode: 'ENOSPC', stays }   the operation fails, and all later ones of its kind if it stays so
 *   { root, stall, seed }            every operation on a file whose name has `stall` in it takes a random time
 *
 * ES modules import from node:fs by name; syncBuiltinESMExports gives them the functions that are put in place here.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

const { root, at, mode, stays, trace, stall, seed } = JSON.parse(process.env.VAE_FAULT);

/** Functions that change something, by which of their arguments are paths; those of descriptors have none. */
const CHANGES = {
  openSync: [0],
  writeSync: [],
  fsyncSync: [],
  fdatasyncSync: [],
  ftruncateSync: [],
  fchmodSync: [],
  writeFileSync: [0],
  appendFileSync: [0],
  truncateSync: [0],
  renameSync: [0, 1],
  linkSync: [0, 1],
  symlinkSync: [1],
  copyFileSync: [1],
  cpSync: [1],
  mkdirSync: [0],
  mkdtempSync: [0],
  rmSync: [0],
  rmdirSync: [0],
  unlinkSync: [0],
  chmodSync: [0],
  utimesSync: [0],
};
/** Functions that only look, but between which another process may come. */
const LOOKS = { existsSync: [0], readFileSync: [0], statSync: [0], lstatSync: [0] };
/** What fails for a reason: a full disk lets files be removed, a missing right lets open ones be written. */
const FAILING = {
  ENOSPC: [
    'openSync',
    'writeSync',
    'writeFileSync',
    'appendFileSync',
    'mkdirSync',
    'fsyncSync',
    'renameSync',
    'linkSync',
  ],
  EDQUOT: ['openSync', 'writeSync', 'writeFileSync', 'appendFileSync', 'mkdirSync', 'fsyncSync', 'linkSync'],
  EIO: ['openSync', 'writeSync', 'writeFileSync', 'appendFileSync', 'fsyncSync', 'fdatasyncSync', 'renameSync'],
  EACCES: [
    'openSync',
    'writeFileSync',
    'appendFileSync',
    'mkdirSync',
    'renameSync',
    'rmSync',
    'unlinkSync',
    'linkSync',
  ],
  EROFS: ['openSync', 'writeFileSync', 'appendFileSync', 'mkdirSync', 'renameSync', 'rmSync', 'unlinkSync', 'linkSync'],
  EBUSY: ['renameSync', 'rmSync', 'unlinkSync', 'rmdirSync'],
  EMFILE: ['openSync', 'writeFileSync', 'appendFileSync'],
};

const original = { ...fs };
/** By descriptor: the file, and how many of its bytes are sure to be on the disk. */
const open = new Map();
/** By file: bytes that would be there after a power cut. */
const flushed = new Map();
let count = 0;
/** Functions of node:fs call each other: within one that is watched, the others are not. */
let depth = 0;
let failing = false;
let noise = (seed ?? 0) >>> 0;

const isInside = (name) =>
  typeof name === 'string' && (path.resolve(name) === root || path.resolve(name).startsWith(root + path.sep));

const sleep = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

function die() {
  process.kill(process.pid, 'SIGKILL');
  sleep(60_000);
}

const sizeOf = (file) => {
  try {
    return original.statSync(file).size;
  } catch {
    return 0;
  }
};

/** Files that have grown since they were flushed lose what they have grown by; those that never were keep nothing. */
function losePower() {
  depth++;
  for (const [file, bytes] of flushed) {
    if (original.existsSync(file) && sizeOf(file) > bytes) original.truncateSync(file, bytes);
  }
  die();
}

/** Keeps account of what is on the disk. Called after the operation. */
function account(name, args, result) {
  if (name === 'openSync') {
    open.set(result, path.resolve(args[0]));
    return;
  }
  const file = typeof args[0] === 'number' ? open.get(args[0]) : path.resolve(args[0]);
  if (name === 'writeFileSync') flushed.set(file, 0);
  if ((name === 'appendFileSync' || name === 'writeSync') && !flushed.has(file)) flushed.set(file, 0);
  if (name === 'fsyncSync' || name === 'fdatasyncSync') flushed.set(file, sizeOf(file));
  if (name === 'renameSync' && flushed.has(file)) {
    flushed.set(path.resolve(args[1]), flushed.get(file));
    flushed.delete(file);
  }
}

/** What is there when the process begins, has been flushed by whoever wrote it. */
function before(name, args) {
  if (name !== 'appendFileSync' && name !== 'openSync') return;
  const file = path.resolve(args[0]);
  const keeps = name === 'appendFileSync' || /^(a|r\+)/.test(String(args[1]));
  if (keeps && !flushed.has(file)) flushed.set(file, sizeOf(file));
}

/** Half of what a write was to write. */
function writeHalf(name, args) {
  depth++;
  if (name === 'writeSync') {
    const [descriptor, bytes, from = 0, length = bytes.length - from, position] = args;
    original.writeSync(descriptor, bytes, from, length >> 1, position);
  } else {
    const bytes = Buffer.from(args[1]);
    original[name](args[0], bytes.subarray(0, bytes.length >> 1), args[2]);
  }
}

function failure(name, args) {
  const error = new Error(`${mode}: put here by the campaign, ${name}`);
  return Object.assign(error, { code: mode, errno: -1, syscall: name.replace('Sync', ''), path: String(args[0]) });
}

/** How another path's name reads in a trace. */
const briefly = (value) => (typeof value === 'number' ? open.get(value) : path.resolve(String(value))) ?? String(value);

function record(n, name, args) {
  const paths = args.slice(0, Math.max(1, CHANGES[name].length));
  const files = paths.map((argument) => path.relative(root, briefly(argument)));
  depth++;
  original.appendFileSync(trace, `${JSON.stringify({ n, name, files })}\n`);
  depth--;
}

function changed(name, args, work) {
  const n = ++count;
  if (trace !== undefined) record(n, name, args);
  const isFault = mode in FAILING;
  if (isFault && FAILING[mode].includes(name) && (n === at || (failing && stays))) {
    failing = true;
    throw failure(name, args);
  }
  if (n === at && !isFault) {
    if (mode === 'before') die();
    if (mode === 'half' && /write|append/i.test(name)) {
      writeHalf(name, args);
      die();
    }
  }
  before(name, args);
  const result = work();
  account(name, args, result);
  if (n === at && !isFault) (mode === 'power' ? losePower : die)();
  return result;
}

/** For reading only: not counted, unless a folder is opened to be flushed. */
const onlyReads = (name, args) => name === 'openSync' && (args[1] === undefined || args[1] === 'r' || args[1] === 0);

for (const [name, paths] of Object.entries({ ...CHANGES, ...(stall === undefined ? {} : LOOKS) })) {
  fs[name] = (...args) => {
    const work = () => {
      depth++;
      try {
        return original[name](...args);
      } finally {
        depth--;
      }
    };
    const ours = paths.length === 0 ? open.has(args[0]) : paths.some((i) => isInside(args[i]));
    if (depth > 0 || !ours) return work();
    if (stall !== undefined && paths.some((i) => path.basename(String(args[i])).includes(stall))) {
      noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
      sleep(noise % 13);
    }
    if (name in LOOKS) return work();
    if (onlyReads(name, args)) {
      const result = work();
      open.set(result, path.resolve(args[0]));
      return result;
    }
    return changed(name, args, work);
  };
}
fs.closeSync = (descriptor) => {
  open.delete(descriptor);
  return original.closeSync(descriptor);
};
syncBuiltinESMExports();
