/** A run that does not use its latents shows it; a healthy one shows nothing. */

import { describe, expect, it } from 'vitest';
import { type Judged, signsOf, varianceOf } from '../../src/training/idle-latents.ts';
import type { EpochRecord } from '../../src/training/records.ts';

const RUN: Judged = { epochs: 9, beta: 1, klWarmUp: 0, withoutLatents: -206, pixelVariance: 0.067 };
const HEALTHY = { bound: -110, logLikelihood: -85, kl: 25 };
const COLLAPSED = { bound: -207, logLikelihood: -206.99, kl: 0.01 };

const record = (epoch: number, test: EpochRecord['test'], step = 469 * epoch): EpochRecord => ({
  kind: 'epoch',
  epoch,
  step,
  learningRate: 1e-3,
  train: { ...test, loss: -test.bound },
  test,
  best: true,
});
const kinds = (...given: Parameters<typeof signsOf>) => signsOf(...given).map(({ kind }) => kind);

describe('a healthy run', () => {
  it('shows nothing in any epoch', () => {
    for (let epoch = 1; epoch <= 9; epoch++) expect(kinds(record(epoch, HEALTHY), epoch === 9, RUN, 0.05)).toEqual([]);
  });

  it('may have the KL, the bound and the samples of two latents', () => {
    expect(
      kinds(
        record(2, { bound: -743.6, logLikelihood: -741.4, kl: 2.2 }),
        true,
        { ...RUN, withoutLatents: -746.9 },
        0.012,
      ),
    ).toEqual([]);
  });

  it('may have a poor bound while β rises, but not behind it', () => {
    const early = { bound: -260, logLikelihood: -60, kl: 200 };
    const warming = { ...RUN, klWarmUp: 2000 };
    expect(kinds(record(4, early), false, warming, 0.05)).toEqual([]);
    expect(kinds(record(5, early), false, warming, 0.05)).toEqual(['no gain']);
  });

  it('with β below 1 is measured by what it is trained for', () => {
    const test = { bound: -230, logLikelihood: -70, kl: 160 };
    expect(kinds(record(5, test), false, { ...RUN, beta: 0.1 }, 0.05)).toEqual([]);
    expect(kinds(record(5, test), false, RUN, 0.05)).toEqual(['no gain']);
  });
});

describe('a run that has collapsed', () => {
  it('shows a KL near 0 from its second epoch on, and a bound without gain from a third of it on', () => {
    expect(kinds(record(1, COLLAPSED), false, RUN)).toEqual([]);
    expect(kinds(record(2, COLLAPSED), false, RUN)).toEqual(['no information']);
    expect(signsOf(record(3, COLLAPSED), false, RUN)).toEqual([
      { kind: 'no information', kl: 0.01 },
      { kind: 'no gain', bound: -207, withoutLatents: -206 },
    ]);
  });

  it('of one epoch shows them at its end', () => {
    expect(kinds(record(1, COLLAPSED), true, { ...RUN, epochs: 1 })).toEqual(['no information', 'no gain']);
  });

  it('has samples that are all alike', () => {
    expect(signsOf(record(2, HEALTHY), false, RUN, 0.00047)).toEqual([
      { kind: 'no variety', share: expect.closeTo(0.007, 3) },
    ]);
    expect(kinds(record(2, HEALTHY), false, RUN)).toEqual([]);
  });

  it('shows nothing before 200 updates, nor where the KL has no weight', () => {
    expect(kinds(record(9, COLLAPSED, 199), true, RUN, 0)).toEqual([]);
    expect(kinds(record(9, COLLAPSED), true, { ...RUN, beta: 0 }, 0)).toEqual([]);
  });

  it('in images without any variance has nothing to vary', () => {
    expect(kinds(record(9, HEALTHY), true, { ...RUN, pixelVariance: 0 }, 0)).toEqual([]);
  });
});

describe('the variance of pictures', () => {
  it('is the mean over pixels of their variance over the pictures', () => {
    // A pixel of 0 and 1, one of 0.5 and 0.5: variances ¼ and 0.
    expect(varianceOf(Float32Array.of(0, 0.5, 1, 0.5), 2)).toBeCloseTo(0.125, 12);
  });
});
