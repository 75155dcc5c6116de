import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { GradientProbe } from '../../src/evaluation/gradient-variance.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';

const config: RunConfig = {
  ...DEFAULTS,
  device: 'reference',
  threads: 1,
  hidden: [6],
  latent: 3,
  batchSize: 8,
};
const images = Uint8Array.from({ length: 8 * 12 }, (_, i) => (i * 53) % 256);

describe('the variance of gradient estimators', () => {
  const measure = async (epoch: number, more: Partial<RunConfig> = {}) => {
    const model = createModel({ ...config, ...more }, [1, 3, 4]);
    const engine = createReferenceEngine();
    const shapes = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
    const state = engine.allocate(shapes, []);
    for (const { name, initialise } of model.vae.parameters) state.write(name, initialise(1));
    const probe = new GradientProbe(engine, state, model, { count: 8, images, labels: new Uint8Array(8) });
    return probe.measure(epoch);
  };

  it('is larger for the score function, though both have nearly the same mean', async () => {
    const spread = await measure(1);
    const [pathwise, score] = [spread.reparametrised, spread['score-function']];
    expect(pathwise.variance).toBeGreaterThan(0);
    expect(score.variance).toBeGreaterThan(3 * pathwise.variance);
    const [a, b] = [pathwise, score].map(({ squaredNorm }) => squaredNorm);
    expect(Math.abs(a - b)).toBeLessThan(0.5 * a + score.variance / 16);
  });

  it('falls with the number of samples', async () => {
    const [one, eight] = [await measure(1), await measure(1, { samples: 8 })];
    expect(eight.reparametrised.variance).toBeLessThan(one.reparametrised.variance / 3);
  });

  it('is the same when it is measured again, and drawn anew in another epoch', async () => {
    expect(await measure(2)).toEqual(await measure(2));
    expect(await measure(3)).not.toEqual(await measure(2));
  });
});
