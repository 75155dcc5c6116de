/** A run's folder loses nothing, and takes nothing that is not its own. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import type { Checkpoint } from '../../src/runs/checkpoint.ts';
import { START } from '../../src/runs/progress.ts';
import { createRun, openRun, RunDirectory } from '../../src/runs/run-directory.ts';
import { DEFAULTS } from '../../src/settings/table.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-run-'));
beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const checkpoint: Checkpoint = {
  config: { ...DEFAULTS, threads: 1 },
  imageShape: [1, 1, 1],
  progress: { ...START, step: 1, epoch: 1 },
  data: '',
  parameters: [],
  moments: {},
};
const folder = path.join(root, 'run');

const runs: RunDirectory[] = [];
afterEach(() => {
  for (const run of runs.splice(0)) run.close();
});

/** A run that has written all that it writes before its first checkpoint. */
function begun(): RunDirectory {
  const run = createRun(root, 'unused', folder);
  runs.push(run);
  run.lock();
  run.prepare();
  run.writeJson('config.json', {});
  run.appendCurve({ step: 1, loss: 2, learningRate: 3 });
  return run;
}

describe('a run that never came to a checkpoint', () => {
  it('leaves nothing', () => {
    begun().close();
    expect(readdirSync(root)).toEqual([]);
  });

  it('leaves a folder that was there before it, as empty as it was', () => {
    mkdirSync(folder);
    begun().close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves what somebody else has put into its folders', () => {
    const run = begun();
    writeFileSync(run.file('samples', 'mine.txt'), 'mine');
    writeFileSync(run.file('notes.txt'), 'mine');
    run.close();
    expect(readdirSync(folder).sort()).toEqual(['notes.txt', 'samples']);
    expect(readdirSync(path.join(folder, 'samples'))).toEqual(['mine.txt']);
  });

  it('leaves a folder that was put in its place', () => {
    const run = begun();
    renameSync(folder, `${folder}-moved`);
    mkdirSync(path.join(folder, 'samples'), { recursive: true });
    writeFileSync(path.join(folder, 'config.json'), 'mine');
    run.close();
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'samples']);
  });

  it('that another process was quicker to take is left to it', () => {
    const slow = createRun(root, 'unused', folder);
    const quick = createRun(root, 'unused', folder);
    quick.lock();
    quick.prepare();
    expect(() => slow.lock()).toThrow('is training this run');
    slow.close();
    expect(readdirSync(folder)).toContain('samples');
    quick.close();
  });

  it('that was opened and not made is not removed', () => {
    const run = begun();
    new RunDirectory(folder).close();
    expect(existsSync(run.file('config.json'))).toBe(true);
  });
});

describe('a run with a checkpoint', () => {
  it('is never removed, even where its checkpoints are away for a moment', () => {
    const run = begun();
    run.saveCheckpoint(checkpoint);
    renameSync(run.file('checkpoints'), path.join(root, 'away'));
    run.close();
    expect(existsSync(run.file('config.json'))).toBe(true);
  });

  it('whose last checkpoint is away is not to be removed', () => {
    const run = begun();
    run.saveCheckpoint(checkpoint, { best: true });
    rmSync(run.lastCheckpoint);
    expect(() => openRun(folder)).toThrow('put it back, or use another checkpoint of the run');
    rmSync(run.checkpointFile('best'));
    expect(() => openRun(folder)).toThrow('if it was stopped before its first, remove the folder');
  });

  it('that cannot be read is called that', () => {
    const run = begun();
    run.saveCheckpoint(checkpoint);
    expect(openRun(folder).folder).toBe(folder);
    rmSync(run.file('checkpoints'), { recursive: true });
    symlinkSync('checkpoints', run.file('checkpoints'));
    expect(() => openRun(folder)).toThrow(
      new InputError(`cannot read ${run.lastCheckpoint}: its links lead round in a circle`),
    );
  });

  it.skipIf(process.getuid?.() === 0)('that must not be read is called that', () => {
    begun().saveCheckpoint(checkpoint);
    chmodSync(path.join(folder, 'checkpoints'), 0);
    expect(() => openRun(folder)).toThrow('permission denied');
    chmodSync(path.join(folder, 'checkpoints'), 0o755);
  });

  it('leaves its lock in no case', () => {
    const run = begun();
    run.saveCheckpoint(checkpoint);
    run.lock();
    expect(() => openRun(folder).lock()).toThrow(`process ${process.pid} is training this run`);
    run.close();
    run.close();
    expect(existsSync(run.file('.lock'))).toBe(false);
  });
});

describe('records', () => {
  const record = (epoch: number) => ({ epoch, train: { bound: -epoch }, test: { bound: -epoch } });
  const epochs = (run: RunDirectory) => [...run.metrics<{ epoch: number }>()].map(({ epoch }) => epoch);
  const lines = (...texts: string[]): RunDirectory => {
    const run = begun();
    writeFileSync(run.file('metrics.jsonl'), texts.join('\n'));
    return run;
  };
  const json = (epoch: number): string => JSON.stringify(record(epoch));

  it('come back in their order, however long the file is', () => {
    const run = begun();
    for (let epoch = 1; epoch <= 3000; epoch++) run.appendMetrics({ ...record(epoch), note: 'é'.repeat(epoch % 50) });
    expect(epochs(run)).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1));
    expect(run.keepMetricsTo({ epoch: 2000, step: 0 })).toEqual({ metrics: 2000, curves: 0 });
    expect(epochs(run)).toHaveLength(2000);
  });

  const kept: Readonly<Record<string, readonly string[]>> = {
    'a line that was cut short': [json(1), json(2), json(3).slice(0, 20)],
    'records of later epochs': [json(1), json(2), json(3), json(4), ''],
    'a last line without its end': [json(1), json(2)],
    'zeros behind them': [json(1), json(2), '\0\0\0\0'],
  };
  for (const [name, texts] of Object.entries(kept)) {
    it(`with ${name} go on where the checkpoint is`, () => {
      const run = lines(...texts);
      expect(run.keepMetricsTo({ epoch: 2, step: 0 }).metrics).toBe(2);
      expect(readFileSync(run.file('metrics.jsonl'), 'utf8')).toBe(`${json(1)}\n${json(2)}\n`);
      run.appendMetrics(record(3));
      expect(epochs(run)).toEqual([1, 2, 3]);
    });
  }

  for (const other of ['null', '7', '[]', '{}', '{"epoch":2}', '{"epoch":2,"train":null,"test":{"bound":1}}', '{"ep']) {
    it(`with the line ${other} are read without it, and counted without it`, () => {
      const run = lines(json(1), other, json(3), '');
      expect(epochs(run)).toEqual([1, 3]);
      expect(run.keepMetricsTo({ epoch: 3, step: 0 }).metrics).toBe(2);
    });
  }

  it('behind a link are left alone, and so is what it leads to', () => {
    const run = begun();
    const precious = path.join(root, 'precious');
    writeFileSync(precious, 'mine');
    symlinkSync(precious, run.file('metrics.jsonl'));
    expect(() => run.keepMetricsTo({ epoch: 1, step: 1 })).toThrow('metrics.jsonl is a link; put the file itself');
    expect(readFileSync(precious, 'utf8')).toBe('mine');
  });

  it('are found behind a line that is too long for one, in a moment', () => {
    const run = lines(json(1), 'x'.repeat(50e6), json(3), '');
    const began = performance.now();
    expect(epochs(run)).toEqual([1, 3]);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('of more epochs than there can be are counted at once', () => {
    expect(lines(json(1), '').keepMetricsTo({ epoch: 9e14, step: 0 }).metrics).toBe(1);
  });
});
