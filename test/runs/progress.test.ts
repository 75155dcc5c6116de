import { describe, expect, it } from 'vitest';
import {
  addUpdate,
  endEpoch,
  finished,
  type Limits,
  type Means,
  meansOf,
  type Progress,
  parseProgress,
  START,
} from '../../src/runs/progress.ts';

const means = (loss: number): Means => ({
  loss,
  bound: -loss,
  logLikelihood: 1 - loss,
  kl: 1,
  gradientNorm: 2 * loss,
});
/** Updates of 10 images each. */
const updated = (losses: readonly number[], from = START): Progress =>
  losses.reduce((progress, loss) => addUpdate(progress, means(loss), 10), from);
/** Whole epochs of two updates with these bounds. */
const epochs = (bounds: readonly number[]): Progress =>
  bounds.reduce((progress, bound) => endEpoch(updated([1, 1], progress), bound, true).progress, START);

const limits: Limits = { epochs: 3, patience: 0 };

describe('sums', () => {
  it('weigh an update by its images', () => {
    const progress = addUpdate(updated([4]), means(1), 5);
    expect(progress).toMatchObject({ step: 2, batch: 2, sums: { images: 15, loss: 45 } });
    expect(meansOf(progress.sums)).toEqual({ loss: 3, bound: -3, logLikelihood: -2, kl: 1, gradientNorm: 6 });
  });

  it('that are resumed from a file go on as if they had not been interrupted', () => {
    const resumed = parseProgress(JSON.parse(JSON.stringify(updated([0.1, 0.7]))))!;
    expect(updated([0.3], resumed)).toEqual(updated([0.1, 0.7, 0.3]));
  });

  it('begin anew with every epoch, the steps do not', () => {
    expect(epochs([-5])).toEqual({ ...START, step: 2, epoch: 1, best: { epoch: 1, bound: -5 } });
  });
});

describe('the best epoch', () => {
  it('is the one with the highest bound, the first of equal ones', () => {
    expect(epochs([-7, -5, -6, -5]).best).toEqual({ epoch: 2, bound: -5 });
    expect(endEpoch(updated([1, 1], epochs([-5])), -5, true).isBest).toBe(false);
  });

  it('may be one that is cut short only where there is no other', () => {
    const first = endEpoch(updated([1]), -9, false);
    expect([first.best, first.isBest]).toEqual([{ epoch: 1, bound: -9 }, true]);
    const second = endEpoch(updated([1], epochs([-5])), -1, false);
    expect([second.best, second.isBest]).toEqual([{ epoch: 1, bound: -5 }, false]);
  });

  it('that was cut short is replaced by any whole one, for it is not remembered', () => {
    const { progress } = endEpoch(updated([1]), -1, false);
    expect(progress.best).toBeUndefined();
    expect(endEpoch(updated([1], progress), -9, true).best).toEqual({ epoch: 1, bound: -9 });
  });
});

describe('an epoch that is cut short', () => {
  it('stays open, and with more steps is as if it had never been measured', () => {
    const { progress } = endEpoch(updated([3]), -9, false);
    expect(progress).toEqual({ ...updated([3]), measured: 1 });
    expect(updated([2], progress)).toEqual(updated([3, 2]));
  });
});

describe('a run', () => {
  it('ends after its epochs', () => {
    expect(finished(epochs([-7, -6]), limits)).toBeUndefined();
    expect(finished(epochs([-7, -6, -5]), limits)).toEqual({ why: '3 epochs', limit: 'epochs' });
    expect(finished(epochs([-7]), { ...limits, epochs: 1 })).toEqual({ why: '1 epoch', limit: 'epochs' });
  });

  it('that counts in steps does not count in epochs', () => {
    expect(finished(epochs([-7, -6, -5]), { ...limits, steps: 8 })).toBeUndefined();
    expect(finished(epochs([-7]), { ...limits, steps: 2 })).toEqual({ why: '2 updates', limit: 'steps' });
  });

  it('of so many steps ends when its last epoch is measured, whole or not', () => {
    const open = updated([1]);
    expect(finished(open, { ...limits, steps: 1 })).toBeUndefined();
    expect(finished(endEpoch(open, -9, false).progress, { ...limits, steps: 1 })?.limit).toBe('steps');
  });

  it('ends by patience when as many epochs have brought no better bound', () => {
    const patient = { epochs: 100, patience: 2 };
    expect(finished(START, patient)).toBeUndefined();
    expect(finished(epochs([-5, -6]), patient)).toBeUndefined();
    expect(finished(epochs([-5, -6, -4, -5]), patient)).toBeUndefined();
    expect(finished(epochs([-5, -6, -7]), patient)).toEqual({
      why: '3 epochs, the last 2 of them without a better bound',
      limit: 'patience',
    });
  });

  it('without patience ends by its length alone', () => {
    expect(finished(epochs([-5, -6, -7, -8]), { epochs: 5, patience: 0 })).toBeUndefined();
  });
});

describe('a progress in a file', () => {
  it('comes back as it was written', () => {
    for (const progress of [START, updated([1, 2]), epochs([-5, -4]), endEpoch(updated([1]), -9, false).progress]) {
      expect(parseProgress(JSON.parse(JSON.stringify(progress)))).toEqual(progress);
    }
  });

  it('that is older than a sum has it computed', () => {
    const { bound: _, gradientNorm: __, ...sums } = updated([2]).sums;
    expect(parseProgress({ ...updated([2]), sums })?.sums).toMatchObject({ bound: -20, gradientNorm: 0 });
  });

  const wrong: Record<string, object> = {
    nothing: {},
    'half a step': { ...updated([1]), step: 0.5 },
    'batches without images': { ...updated([1]), sums: START.sums },
    'images without batches': { ...updated([1]), batch: 0 },
    'a sum that is none': { ...updated([1]), sums: { ...updated([1]).sums, kl: null } },
    'a best without a bound': { ...updated([1]), best: { epoch: 1 } },
  };
  for (const [name, written] of Object.entries(wrong)) {
    it(`with ${name} makes no sense`, () => expect(parseProgress(written)).toBeUndefined());
  }
});
