/** Files are read as what they are, and replaced whole. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import {
  isRunning,
  readFile,
  removeTemporaries,
  temporaryName,
  temporaryOwner,
  writeFile,
} from '../../src/base/files.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-files-'));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'file');

describe('what is no file', () => {
  it.skipIf(process.platform === 'win32')('is refused by its kind, and never waited for', async () => {
    spawnSync('mkfifo', [file]);
    expect(() => readFile(file)).toThrow(new InputError(`cannot read ${file}: it is a pipe, not a file`));
    expect(() => readFile('/dev/zero')).toThrow('it is a device, not a file');
    expect(() => readFile(folder)).toThrow('it is a folder, not a file');
    const socket = path.join(folder, 'socket');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(() => readFile(socket)).toThrow('it is a socket, not a file');
    server.close();
  });
});

describe('a file of more than 2 GiB', () => {
  it.runIf(freemem() > 6 * 2 ** 30)('is read to its end', () => {
    writeFileSync(file, 'begin');
    truncateSync(file, 2 ** 31 + 2);
    const content = readFile(file);
    expect([content.length, content.toString('latin1', 0, 5), content.at(-1)]).toEqual([2 ** 31 + 2, 'begin', 0]);
  });
});

describe('a file that is replaced', () => {
  it('keeps its mode', () => {
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    writeFile(file, 'new');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['new', 0o640]);
  });

  it('is what a link leads to, and other names of it keep the old content', () => {
    const [target, link, other] = ['target', 'link', 'other'].map((name) => path.join(folder, name));
    writeFileSync(target, 'old');
    symlinkSync(target, link);
    linkSync(target, other);
    writeFile(link, 'new');
    expect([readFileSync(target, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['new', 'old']);
    expect(readdirSync(folder).sort()).toEqual(['link', 'other', 'target']);
  });

  it('is what a link names, also where it is still to be made', () => {
    const [target, link] = ['later', 'link'].map((name) => path.join(folder, name));
    symlinkSync('later', link);
    writeFile(link, 'new');
    expect([readFileSync(target, 'utf8'), readdirSync(folder)]).toEqual(['new', ['later', 'link']]);
  });

  it('may have the longest name there is', () => {
    const long = path.join(folder, 'x'.repeat(255));
    writeFile(long, 'new');
    expect(readFileSync(long, 'utf8')).toBe('new');
  });

  it('leaves nothing where it cannot be written', () => {
    expect(() => writeFile(folder, 'new')).toThrow(`cannot write ${folder}: it is a folder, not a file`);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a temporary name', () => {
  it('is another one each time, and names its process', () => {
    const names = [temporaryName(file), temporaryName(file)];
    expect(names[0]).not.toBe(names[1]);
    for (const name of names) expect(temporaryOwner(path.basename(name))).toBe(process.pid);
    expect(temporaryOwner('.epoch-0001.png.123.tmp')).toBe(123);
    expect(['epoch.tmp', '.hidden', 'a.123.tmp', '.a.b.tmp'].map(temporaryOwner)).toEqual(Array(4).fill(undefined));
  });

  it('is removed with what it stands for, be it a folder', () => {
    mkdirSync(temporaryName(file));
    writeFileSync(temporaryName(file), '');
    writeFileSync(file, 'mine');
    removeTemporaries(folder);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('a number of a process', () => {
  it('that none can have is not running', () => {
    expect([process.pid, 0, -1, 1.5, Number.NaN, 2 ** 40].map(isRunning)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
