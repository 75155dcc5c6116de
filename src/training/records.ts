/** The records that the training loop yields: plain data, which its consumers turn into lines, files and pictures. */

import type { Bound } from '../evaluation/bound.ts';
import type { EstimatorSpread } from '../evaluation/gradient-variance.ts';

/** After every update. */
export interface StepRecord {
  readonly kind: 'step';
  readonly epoch: number;
  /** Updates made so far, and in an epoch. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Images of this epoch so far, and in all. */
  readonly images: number;
  readonly imagesInEpoch: number;
  /** Mean over this epoch's images so far, in nats, at β = 1. */
  readonly bound: number;
  /** Of this update alone. */
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm?: number;
}

/** After every epoch, and where a run ends inside one. */
export interface EpochRecord {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly learningRate: number;
  /** Means over the epoch's batches as they were trained on: with dropout, and with the weights of the moment. */
  readonly train: Bound & { readonly loss: number; readonly gradientNorm?: number };
  /** At the end of the epoch; of the averages of the weights where the run keeps them. */
  readonly validation?: Bound;
  readonly test: Bound;
  /** How much gradients by the encoder's weights vary, where the run measures it. */
  readonly gradientVariance?: EstimatorSpread;
  /** Whether this is the best epoch so far on the images that the run selects by. */
  readonly best: boolean;
}

export type TrainingRecord = StepRecord | EpochRecord;
