/**
 * How far a run is: plain data, and what an update and an epoch's end make of it. No engine, no file, no clock.
 */

import { counted } from '../base/words.ts';

/** Sums over the images of an epoch so far, in nats. */
export interface EpochSums {
  readonly images: number;
  readonly loss: number;
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
  /** Zero where it is not measured. */
  readonly gradientNorm: number;
}

/** Means over the images of a batch, or of an epoch. */
export type Means = Omit<EpochSums, 'images'>;

/** An epoch and its bound on held-out images, in nats. */
export interface Best {
  readonly epoch: number;
  readonly bound: number;
}

export interface Progress {
  /** Updates made. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** Batches done of the next epoch. */
  readonly batch: number;
  readonly sums: EpochSums;
  /** Where a run has ended inside an epoch: the step at which it was measured. */
  readonly measured?: number;
  /** The best whole epoch so far. */
  readonly best?: Best;
}

const NO_SUMS: EpochSums = { images: 0, loss: 0, bound: 0, logLikelihood: 0, kl: 0, gradientNorm: 0 };
export const START: Progress = { step: 0, epoch: 0, batch: 0, sums: NO_SUMS };

/** What ends a run: its settings of these names. */
export interface Limits {
  readonly epochs: number;
  /** Where it is given, `epochs` does not count. */
  readonly steps?: number;
  /** Epochs without a better bound; 0 for as many as there are. */
  readonly patience: number;
}

/** What a run has come to, in a few words, and the setting that ended it. */
export interface Finish {
  readonly why: string;
  readonly limit: keyof Limits;
}

/** One more update, of a batch of so many images. An epoch that was measured before its end is open again. */
export function addUpdate({ measured: _, ...before }: Progress, means: Means, images: number): Progress {
  const { sums } = before;
  const add = (name: keyof Means): number => sums[name] + means[name] * images;
  return {
    ...before,
    step: before.step + 1,
    batch: before.batch + 1,
    sums: {
      images: sums.images + images,
      loss: add('loss'),
      bound: add('bound'),
      logLikelihood: add('logLikelihood'),
      kl: add('kl'),
      gradientNorm: add('gradientNorm'),
    },
  };
}

/** Means over the images of the epoch so far. */
export function meansOf({ images, ...sums }: EpochSums): Means {
  const mean = (name: keyof Means): number => sums[name] / images;
  return {
    loss: mean('loss'),
    bound: mean('bound'),
    logLikelihood: mean('logLikelihood'),
    kl: mean('kl'),
    gradientNorm: mean('gradientNorm'),
  };
}

export interface EpochEnd {
  readonly progress: Progress;
  /** The best epoch so far, which may be this one although it was cut short. */
  readonly best: Best;
  /** Whether that is this one. */
  readonly isBest: boolean;
}

/**
 * The epoch was measured, after its last batch or, where a run ends inside it, before.
 *
 * An epoch that is cut short stays open: with more steps it goes on as if it had never been measured. So it is the best
 * only where there is no other, and a whole epoch will replace it.
 * @param bound on the images that the run selects by, in nats.
 * @param isWhole whether all batches of the epoch were done.
 */
export function endEpoch(progress: Progress, bound: number, isWhole: boolean): EpochEnd {
  const { step, best } = progress;
  const epoch = progress.epoch + 1;
  const isBest = best === undefined || (isWhole && bound > best.bound);
  const found = isBest ? { epoch, bound } : best;
  if (isWhole) return { progress: { ...START, step, epoch, best: found }, best: found, isBest };
  const { best: _, ...open } = progress;
  return { progress: { ...open, measured: step, ...(best && { best }) }, best: found, isBest };
}

/** Why there is nothing more to train, or undefined while there is. */
export function finished(progress: Progress, { epochs, steps, patience }: Limits): Finish | undefined {
  const { epoch, step, batch, best, measured } = progress;
  if (steps !== undefined && step >= steps && (batch === 0 || measured === step))
    return { why: counted(step, 'update'), limit: 'steps' };
  if (steps === undefined && epoch >= epochs) return { why: counted(epoch, 'epoch'), limit: 'epochs' };
  const waited = epoch - (best?.epoch ?? epoch);
  if (patience === 0 || waited < patience) return undefined;
  return { why: `${counted(epoch, 'epoch')}, the last ${waited} of them without a better bound`, limit: 'patience' };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A progress that was written as JSON, or undefined where it makes no sense. Sums that are newer than it are computed. */
export function parseProgress(written: object): Progress | undefined {
  const progress = written as Partial<Progress>;
  const { step, epoch, batch, sums, best, measured = 0 } = progress;
  const { images, loss, logLikelihood = Number.NaN, kl = Number.NaN } = sums ?? {};
  const { bound = logLikelihood - kl, gradientNorm = 0 } = sums ?? {};
  const makesSense =
    [step, epoch, batch, images, measured].every(isCount) &&
    [loss, bound, logLikelihood, kl, gradientNorm].every(Number.isFinite) &&
    (batch === 0) === (images === 0) &&
    // Every epoch has an update, and the best is one of those that were measured.
    epoch! + Math.sign(batch!) <= step! &&
    (best === undefined || (isCount(best?.epoch) && best.epoch <= epoch! && Number.isFinite(best.bound)));
  if (!makesSense) return undefined;
  return { ...progress, sums: { images, loss, bound, logLikelihood, kl, gradientNorm } } as Progress;
}
