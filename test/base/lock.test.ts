/** A lock has one owner, whatever a process that is no more has left of it. */

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { takeLock } from '../../src/base/lock.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-lock-'));
const lock = path.join(folder, '.lock');
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const take = () => takeLock(lock, (owner) => `process ${owner} has it`);

/** The number of a process that has just ended. */
const deadProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;

describe('a lock', () => {
  it('is given back, and leaves nothing', () => {
    take()();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a process that runs is refused in the words of its user', () => {
    writeFileSync(lock, String(process.ppid));
    expect(take).toThrow(new InputError(`process ${process.ppid} has it`));
    expect(readFileSync(lock, 'utf8')).toBe(String(process.ppid));
    expect(readdirSync(folder)).toEqual(['.lock']);
  });

  it('is not given twice to one process', () => {
    const release = take();
    expect(take).toThrow(new InputError(`process ${process.pid} has it`));
    release();
    take()();
  });

  it('of an earlier process that had the number of this one is taken over', () => {
    writeFileSync(lock, String(process.pid));
    take()();
    expect(readdirSync(folder)).toEqual([]);
  });

  const abandoned: Readonly<Record<string, () => void>> = {
    'that is empty': () => writeFileSync(lock, ''),
    'that is cut short to nonsense': () => writeFileSync(lock, 'NaN'),
    'of process 0': () => writeFileSync(lock, '0'),
    'of process −1': () => writeFileSync(lock, '-1'),
    'of a number too large': () => writeFileSync(lock, '99999999999999'),
    'of a process that is no more': () => writeFileSync(lock, String(deadProcess())),
    'that is a link to nothing': () => symlinkSync(path.join(folder, 'nothing'), lock),
    'whose takeover was cut off too': () => {
      writeFileSync(lock, '');
      writeFileSync(`${lock}.next`, String(deadProcess()));
    },
  };
  for (const [name, leave] of Object.entries(abandoned)) {
    it(`${name} is taken over`, () => {
      leave();
      const release = take();
      expect(readFileSync(lock, 'utf8').split(' ')[0]).toBe(String(process.pid));
      release();
      expect(readdirSync(folder)).toEqual([]);
    });
  }

  it.runIf(existsSync('/proc/self/stat'))('of a process whose number another one has now is taken over', () => {
    writeFileSync(lock, `${process.ppid} 12345@an-earlier-start-of-this-machine`);
    take()();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that is a link is replaced, and what it leads to stays', () => {
    const precious = path.join(folder, 'precious');
    writeFileSync(precious, 'mine');
    symlinkSync(precious, lock);
    take()();
    expect(readFileSync(precious, 'utf8')).toBe('mine');
  });

  it('that another process has taken in the meantime is not given back', () => {
    const release = take();
    writeFileSync(lock, '1 another');
    release();
    expect(readFileSync(lock, 'utf8')).toBe('1 another');
  });

  it('that cannot be written is one line', () => {
    rmSync(folder, { recursive: true });
    expect(take).toThrow(new InputError(`cannot write ${lock}: no such file or folder`));
  });
});
