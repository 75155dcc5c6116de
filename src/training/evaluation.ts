/** Measures a model on a set of images. Nothing is learnt here, and nothing of the set is left out. */

import { binariseOnce } from '../data/binarise.ts';
import { type ImageSet, residentImages } from '../data/dataset.ts';
import type { Engine, State } from '../engines/engine.ts';
import type { Program } from '../tensor/program.ts';
import type { RunConfig } from './config.ts';
import { Executables } from './executables.ts';
import { boundProgram, importanceProgram, type Model } from './programs.ts';

/** Means per image, in nats. */
export interface Bound {
  /** E[log p(x|z)] − KL. */
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
}

/** Noise of evaluation is of the run's seed, but of steps that training never reaches. */
const EVALUATION_STEP = 2 ** 48;

const BOUND_BATCH = 500;
/** Images × samples of one run of an importance program: enough to fill the machine, little enough for its memory. */
const IMPORTANCE_ROWS = 4000;

/**
 * The images as they are measured. Stochastic binarisation draws held-out images once, from the run's seed, so that the
 * bound and every importance sample of an image are of one and the same image.
 */
const measured = (set: ImageSet, { binarize, seed }: RunConfig): ImageSet =>
  binarize === 'stochastic' ? binariseOnce(set, 'evaluation', seed) : set;

/** The positions 0 to count − 1 in batches, the last one as small as it must be. */
function* batches(count: number, size: number): Generator<Int32Array> {
  for (let start = 0; start < count; start += size) {
    yield Int32Array.from({ length: Math.min(size, count - start) }, (_, i) => start + i);
  }
}

/** Measures the bound at β = 1 on a set, with the same noise each time. */
export class BoundEvaluator {
  private readonly executables: Executables;
  private readonly set: ImageSet;
  private readonly seed: number;

  constructor(engine: Engine, state: State, model: Model, set: ImageSet) {
    this.set = measured(set, model.config);
    this.seed = model.config.seed;
    this.executables = new Executables((batch) => {
      const program: Program = boundProgram(model, batch, set.count);
      return engine.compile(program, { state, data: { images: residentImages(this.set) } });
    });
  }

  /** @param stopped asked between batches; where it turns true, there is no result. */
  async measure(stopped: () => boolean = () => false): Promise<Bound | undefined> {
    const sums = { logLikelihood: 0, kl: 0 };
    let step = EVALUATION_STEP;
    for (const indices of batches(this.set.count, BOUND_BATCH)) {
      if (stopped()) return undefined;
      const executable = await this.executables.of(indices.length);
      const results = await executable.run({ arguments: { indices }, noise: { seed: this.seed, step: step++ } });
      sums.logLikelihood += results.logLikelihood[0] * indices.length;
      sums.kl += results.kl[0] * indices.length;
    }
    const [logLikelihood, kl] = [sums.logLikelihood / this.set.count, sums.kl / this.set.count];
    return { bound: logLikelihood - kl, logLikelihood, kl };
  }

  release = (): Promise<void> => this.executables.release();
}

export interface ImportanceEstimate {
  /** Mean over images of log (1/K) Σ p(x, z) / q(z|x): a lower bound on log p(x) in expectation. */
  readonly logEvidence: number;
  /** Standard error of that mean over the images. */
  readonly standardError: number;
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
  const images = residentImages(measured(set, model.config));
  const chunk = Math.min(samples, IMPORTANCE_ROWS);
  const size = Math.min(set.count, Math.max(1, Math.floor(IMPORTANCE_ROWS / chunk)));
  // A remainder of samples or of images is a shape, and a program, of its own.
  const executables = new Executables<`${number} ${number}`>((shape) => {
    const [draws, batch] = shape.split(' ').map(Number);
    const program = importanceProgram(model, batch, draws, set.count);
    return engine.compile(program, { state, data: { images } });
  });

  let [sum, sumOfSquares, step, done] = [0, 0, EVALUATION_STEP, 0];
  for (const indices of batches(set.count, size)) {
    const logSums = new Float64Array(indices.length).fill(Number.NEGATIVE_INFINITY);
    for (let drawn = 0; drawn < samples; drawn += chunk) {
      const draws = Math.min(chunk, samples - drawn);
      const executable = await executables.of(`${draws} ${indices.length}`);
      const { logWeightSum } = await executable.run({ arguments: { indices }, noise: { seed, step: step++ } });
      logSums.forEach((value, i) => {
        logSums[i] = logAddExp(value, logWeightSum[i]);
      });
    }
    for (const logSum of logSums) {
      const logMean = logSum - Math.log(samples);
      sum += logMean;
      sumOfSquares += logMean ** 2;
    }
    done += indices.length;
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
