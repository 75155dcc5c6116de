/** How much two gradient estimators differ from draw to draw: what the reparametrisation is for. */

import { namesOf } from '../base/rules.ts';
import { firstImages, type ImageSet } from '../data/dataset.ts';
import type { Engine, Executable, Results, State } from '../engines/engine.ts';
import { batchSource } from '../programs/batches.ts';
import { all, callEach } from '../programs/calls.ts';
import { encoderGradients, type Model } from '../programs/programs.ts';
import { createProgram } from '../tensor/program.ts';
import { type EstimatorName, estimators } from '../vae/objectives/estimators.ts';
import { evaluationImages } from './bound.ts';

/** Of one estimator: squared length of the mean gradient, and the sum of the variances of its components, in nats². */
export interface Spread {
  readonly squaredNorm: number;
  readonly variance: number;
}

export type EstimatorSpread = Readonly<Record<EstimatorName, Spread>>;

/** Draws of the noise on one and the same batch. */
const DRAWS = 32;
/** Noise of steps that neither training nor evaluation reaches. */
const PROBE_STEP = 2 ** 50;

/** Measures the gradient by the encoder's weights on the first batch of a set, drawn anew many times. */
export class GradientProbe {
  private readonly engine: Engine;
  private readonly compiled: Promise<Executable>;
  private readonly call: { readonly positions: Int32Array; readonly source: ReturnType<typeof batchSource> };
  private readonly model: Model;

  constructor(engine: Engine, state: State, model: Model, set: ImageSet) {
    const batch = Math.min(set.count, model.config.batchSize);
    const source = batchSource(evaluationImages(firstImages(set, batch), model.config), model.vae.pixels);
    const outputs = namesOf(estimators).flatMap((estimator) =>
      encoderGradients(model, source.pixels(batch), estimator).map(
        (derivative, i) => [`${estimator} ${i}`, derivative] as const,
      ),
    );
    this.engine = engine;
    this.model = model;
    this.call = { positions: Int32Array.from({ length: batch }, (_, i) => i), source };
    const program = createProgram(`gradient variance, batch ${batch}`, Object.fromEntries(outputs));
    this.compiled = engine.compile(program, { state, data: source.data });
  }

  async measure(epoch: number): Promise<EstimatorSpread> {
    const executable = await this.compiled;
    const { config } = this.model;
    const totals = new Map<string, { sums: Float64Array; squares: number }>();
    const prepare = async (draw: number) => ({
      executable,
      call: {
        arguments: this.call.source.at(this.call.positions),
        noise: { seed: config.seed, step: PROBE_STEP + epoch * DRAWS + draw },
      },
    });
    const add = (results: Results): void => {
      for (const [name, values] of Object.entries(results)) {
        const total = totals.get(name) ?? { sums: new Float64Array(values.length), squares: 0 };
        values.forEach((value, i) => {
          total.sums[i] += value;
          total.squares += value * value;
        });
        totals.set(name, total);
      }
    };
    await all(callEach(this.engine, Array(DRAWS).keys(), prepare, add));
    return Object.fromEntries(
      namesOf(estimators).map((estimator): [string, Spread] => {
        const own = [...totals].filter(([name]) => name.startsWith(`${estimator} `)).map(([, total]) => total);
        const ofMean = own.reduce((sum, { sums }) => sum + sums.reduce((s, x) => s + (x / DRAWS) ** 2, 0), 0);
        const squares = own.reduce((sum, total) => sum + total.squares / DRAWS, 0);
        const variance = ((squares - ofMean) * DRAWS) / (DRAWS - 1);
        // The mean of few draws is too long by what is left of their variance.
        return [estimator, { squaredNorm: Math.max(0, ofMean - variance / DRAWS), variance }];
      }),
    ) as unknown as EstimatorSpread;
  }

  release = (): Promise<void> => this.compiled.then((ready) => ready.release()).catch(() => {});
}
