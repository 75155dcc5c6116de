/** What is maximised, and what is measured: bounds on log p(x), per example, in nats. */

import type { Conflict } from '../../base/errors.ts';
import type { Mode } from '../../nn/layer.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { LikelihoodKind } from '../likelihoods/likelihood.ts';
import type { LatentVariableModel } from '../model.ts';
import type { PosteriorRow } from '../posteriors/posterior.ts';

/** Per example [B], in nats. */
export interface Objective {
  /** The scalar to be made small, with its weights. */
  readonly loss: Tensor;
  /** A scalar whose derivative estimates the loss's, where that is not the loss itself. */
  readonly surrogate?: Tensor;
  /** On log p(x), at β = 1. */
  readonly bound: Tensor;
  readonly logLikelihood: Tensor;
  /** In closed form where there is one, whatever the bound uses, so that it is never negative. */
  readonly kl: Tensor;
  /** The KL of each layer of latents, [B, layers], where there are several. */
  readonly layerKl?: Tensor;
  /** What each sample adds to minus the loss, [S, B], of an objective that is a mean over samples. */
  readonly perSample?: Tensor;
}

/** How images are handed over. */
export interface Given {
  /** `evaluation` by default. */
  readonly mode?: Mode;
  /** What the encoder sees of x, where that differs from x: [B, D]. */
  readonly seen?: Tensor;
}

/** An objective of images x [B, D] with noise ε [S, B, L]. */
export type ObjectiveFunction<Options = unknown> = (
  vae: LatentVariableModel,
  x: Tensor,
  noise: Tensor,
  options?: Options & Given,
) => Objective;

/** What is known of an objective. `Settings` are those of a run that it reads. */
export interface ObjectiveRow<Settings> {
  /** Settings that it reads, by the names that a run gives them. */
  readonly uses: readonly string[];
  /** Whether it knows a prior, so that its number is a bound on log p(x) and z is drawn from a density. */
  readonly hasPrior: boolean;
  /** What its number is called. */
  readonly numberName: (kind: LikelihoodKind) => string;
  /** Whether its number is its log likelihood minus its KL; else those are the terms of the ELBO. */
  readonly addsUp: boolean;
  /** What its number is, with how many samples of z. */
  readonly describe: (samples: number) => string;
  /** As it is trained. */
  readonly train: (vae: LatentVariableModel, x: Tensor, noise: Tensor, settings: Settings & Given) => Objective;
  /** As it is measured: without weights and allowances, in evaluation. */
  readonly measure: (vae: LatentVariableModel, x: Tensor, noise: Tensor, settings: Settings) => Objective;
  /** What does not go together among its own settings, with a posterior of this kind. */
  readonly conflict?: (settings: Settings, posterior: PosteriorRow) => Conflict | undefined;
}

export const countSamples = (samples: number): string => `${samples} sample${samples === 1 ? '' : 's'}`;
