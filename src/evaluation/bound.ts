/** Measures a model on a set of images. Nothing is learnt here, and nothing of the set is left out. */

import { binarisations, binariseOnce } from '../data/binarise.ts';
import { batches, type ImageSet } from '../data/dataset.ts';
import type { Engine, Results, State } from '../engines/engine.ts';
import { type BatchSource, batchSource } from '../programs/batches.ts';
import { callEach, type PreparedCall } from '../programs/calls.ts';
import { Executables } from '../programs/executables.ts';
import { boundProgram, importanceProgram, type Model, rowsOf } from '../programs/programs.ts';
import type { RunConfig } from '../settings/table.ts';

/** Means per image, in nats. */
export interface Bound {
  /** Of the run's objective at β = 1. */
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
  /** Of each layer of latents, from the top, where there are several. */
  readonly layerKl?: readonly number[];
}

/** Noise of evaluation is of the run's seed, but of steps that training never reaches. */
const EVALUATION_STEP = 2 ** 48;

/**
 * Pixels × samples of one run of a program: enough to fill the machine, little enough for its caches. 10,000 importance
 * samples of 784 pixels take 54 ms in one run, 45 in four. The benchmark `evaluation` times such a run.
 */
export const BOUND_VALUES = 500 * 784;
const IMPORTANCE_VALUES = 2000 * 784;

/**
 * The images as they are measured. Stochastic binarisation draws held-out images once, from the run's seed, so that the
 * bound and every importance sample of an image are of one and the same image.
 */
export const evaluationImages = (set: ImageSet, { binarize, seed }: RunConfig): ImageSet =>
  binarisations[binarize].drawn === 'at each use' ? binariseOnce(set, 'evaluation', seed) : set;

/** Measures the bound at β = 1 on a set, with the same noise each time. */
export class BoundEvaluator {
  private readonly engine: Engine;
  private readonly executables: Executables;
  private readonly source: BatchSource;
  private readonly set: ImageSet;
  private readonly model: Model;

  constructor(engine: Engine, state: State, model: Model, set: ImageSet) {
    this.engine = engine;
    this.model = model;
    this.set = evaluationImages(set, model.config);
    this.source = batchSource(this.set, model.vae.pixels);
    this.executables = new Executables((batch) =>
      engine.compile(boundProgram(model, batch, this.source), { state, data: this.source.data }),
    );
  }

  /** @param stopped asked after every batch; where it turns true, there is no result. */
  async measure(stopped: () => boolean = () => false): Promise<Bound | undefined> {
    const { seed, samples } = this.model.config;
    const sums = { bound: 0, logLikelihood: 0, kl: 0 };
    const layerSums: number[] = [];
    const size = Math.max(1, Math.floor(rowsOf(this.model, BOUND_VALUES) / samples));
    let step = EVALUATION_STEP;
    const prepare = async (positions: Int32Array): Promise<PreparedCall> => ({
      executable: await this.executables.of(positions.length),
      call: { arguments: this.source.at(positions), noise: { seed, step: step++ } },
    });
    const add = (results: Results, { length }: Int32Array): void => {
      for (const name of ['bound', 'logLikelihood', 'kl'] as const) sums[name] += results[name][0] * length;
      results.layerKl?.forEach((kl, layer) => {
        layerSums[layer] = (layerSums[layer] ?? 0) + kl * length;
      });
    };
    for await (const _ of callEach(this.engine, batches(this.set.count, size), prepare, add)) {
      if (stopped()) return undefined;
    }
    const { count } = this.set;
    return {
      bound: sums.bound / count,
      logLikelihood: sums.logLikelihood / count,
      kl: sums.kl / count,
      ...(layerSums.length > 0 && { layerKl: layerSums.map((sum) => sum / count) }),
    };
  }

  release = (): Promise<void> => this.executables.release();
}

export interface ImportanceEstimate {
  /** Mean over images of log (1/K) Σ p(x, z) / q(z|x): a lower bound on log p(x) in expectation. */
  readonly logEvidence: number;
  /** Standard error of that mean over the images. */
  readonly standardError: number;
}

/** Some of the draws for some of the images. */
interface Draws {
  readonly positions: Int32Array;
  readonly draws: number;
  /** log Σ p(x, z) / q(z|x) over the draws so far, of each image. */
  readonly logSums: Float64Array;
  /** Whether the images have all of their draws with these. */
  readonly isLast: boolean;
}

/**
 * log p(x) by importance sampling with K = `samples` draws from q(z|x) per image: Burda et al. (2016), eq. 8.
 * @param onProgress gets the number of images done.
 */
export async function estimateLogEvidence(
  engine: Engine,
  state: State,
  model: Model,
  set: ImageSet,
  samples: number,
  seed: number,
  onProgress: (images: number) => void = () => {},
): Promise<ImportanceEstimate> {
  const source = batchSource(evaluationImages(set, model.config), model.vae.pixels);
  const rows = rowsOf(model, IMPORTANCE_VALUES);
  const chunk = Math.min(samples, rows);
  const size = Math.min(set.count, Math.max(1, Math.floor(rows / chunk)));
  // A remainder of samples or of images is a shape, and a program, of its own.
  const executables = new Executables<`${number} ${number}`>((shape) => {
    const [draws, batch] = shape.split(' ').map(Number);
    return engine.compile(importanceProgram(model, batch, draws, source), { state, data: source.data });
  });

  function* pieces(): Generator<Draws, void, undefined> {
    for (const positions of batches(set.count, size)) {
      const logSums = new Float64Array(positions.length).fill(Number.NEGATIVE_INFINITY);
      for (let left = samples; left > 0; left -= chunk)
        yield { positions, logSums, draws: Math.min(chunk, left), isLast: left <= chunk };
    }
  }
  let [sum, sumOfSquares, step, done] = [0, 0, EVALUATION_STEP, 0];
  const prepare = async ({ positions, draws }: Draws): Promise<PreparedCall> => ({
    executable: await executables.of(`${draws} ${positions.length}`),
    call: { arguments: source.at(positions), noise: { seed, step: step++ } },
  });
  const add = ({ logWeightSum }: Results, piece: Draws): Draws => {
    const { logSums } = piece;
    logSums.forEach((value, i) => {
      logSums[i] = logAddExp(value, logWeightSum[i]);
    });
    return piece;
  };
  for await (const { positions, logSums, isLast } of callEach(engine, pieces(), prepare, add)) {
    if (!isLast) continue;
    for (const logSum of logSums) {
      const logMean = logSum - Math.log(samples);
      sum += logMean;
      sumOfSquares += logMean ** 2;
    }
    done += positions.length;
    onProgress(done);
  }
  await executables.release();
  const mean = sum / set.count;
  const variance = Math.max(0, sumOfSquares / set.count - mean ** 2);
  return { logEvidence: mean, standardError: Math.sqrt(variance / Math.max(1, set.count - 1)) };
}

/** log(eᵃ + eᵇ), shifted by the larger. */
function logAddExp(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
}
