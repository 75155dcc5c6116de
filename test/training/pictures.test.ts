/** Pictures are in [0, 1], whatever the likelihood and whatever scale its pixels are on. */

import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { TrainedModel } from '../../src/inference/trained-model.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { type LikelihoodName, likelihoods } from '../../src/vae/likelihoods/index.ts';
import { RANGES, type RangeName } from '../../src/vae/likelihoods/likelihood.ts';

const engine = createReferenceEngine();

function trainedModel(more: Partial<RunConfig>): TrainedModel {
  const objective =
    more.likelihood === 'squared-error' ? ({ objective: 'autoencoder', posterior: 'point' } as const) : {};
  const small = { device: 'reference', threads: 1, hidden: [4], latent: 2, mixtures: 2 } as const;
  const model = createModel({ ...DEFAULTS, ...small, ...objective, ...more }, [3, 2, 2]);
  const specs = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  const state = engine.allocate(specs, []);
  for (const { name, initialise } of model.vae.parameters) state.write(name, initialise(1));
  return new TrainedModel(engine, model, state);
}

const bytes = Uint8Array.from({ length: 2 * 12 }, (_, i) => (i * 97) % 256);
/** From the middle to far out. */
const latents = Float32Array.of(0, 0, 1, -2, 90, 90, -90, 40);

for (const likelihood of Object.keys(likelihoods) as LikelihoodName[]) {
  const ranges = (Object.keys(RANGES) as RangeName[]).filter(
    (range) => range === 'unit' || !likelihoods[likelihood].unitRange,
  );
  for (const range of ranges) {
    describe(`pictures of a ${likelihood} likelihood on the ${range} scale`, () => {
      const trained = trainedModel({ likelihood, range });

      it('show an original as it was', async () => {
        const { originals } = await trained.reconstruct(bytes, 1, 0);
        originals.forEach((value, i) => {
          expect(value).toBeCloseTo(bytes[i] / 255, 6);
        });
      });

      it('are grey in the middle where the decoder says nothing, and in range where it is squashed', async () => {
        const pictures = await trained.decode(latents);
        const middle = pictures.subarray(0, 12);
        // An untrained decoder gives values near 0: half way on either scale.
        expect(middle.every((value) => value > 0.1 && value < 0.9)).toBe(true);
        const squashed = !likelihood.includes('logistic');
        if (squashed) expect(pictures.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(pictures.every(Number.isFinite)).toBe(true);
      });
    });
  }
}
