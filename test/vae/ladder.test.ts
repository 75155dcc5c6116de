import { describe, expect, it } from 'vitest';
import { fillNoise } from '../../src/random/random.ts';
import { DEFAULTS } from '../../src/settings/table.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { argument, constant } from '../../src/tensor/tensor.ts';
import { standardNormalNoise } from '../../src/vae/distributions/normal.ts';
import { Vae, type VaeConfig } from '../../src/vae/model.ts';
import { elbo } from '../../src/vae/objectives/elbo.ts';
import { logWeights } from '../../src/vae/objectives/iwae.ts';
import { compute } from './compute.ts';

const SHAPE = [1, 8, 8] as const;
const ladderOf = (settings: Partial<VaeConfig> = {}): Vae =>
  new Vae({
    ...DEFAULTS,
    model: 'ladder',
    activation: ['elu'],
    initializer: 'he',
    channels: [4, 4],
    blocks: 1,
    layers: 3,
    latent: '2x2x2',
    imageShape: SHAPE,
    ...settings,
  });

/** First values, and something else where they are zero, so that every path matters. */
const valuesOf = ({ parameters }: Vae, seed = 1, zeros = 0.3) =>
  Object.fromEntries(
    parameters.map(({ name, tensor, initialise }) => {
      const noise = new Float32Array(tensor.size);
      fillNoise(noise, { kind: 'standardNormal' }, { seed, stream: name, step: 0 });
      return [name, Float64Array.from(initialise(seed), (value, i) => value || zeros * noise[i])];
    }),
  );

const x = constant(
  Float64Array.from({ length: 2 * sizeOf(SHAPE) }, (_, i) => (i * 7919) % 2),
  [2, sizeOf(SHAPE)],
);
const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b) / values.length;

describe('a ladder', () => {
  const vae = ladderOf();
  const values = valuesOf(vae);
  const posterior = vae.encode(x, 'evaluation');
  const noise = (samples: number) => standardNormalNoise('z', [samples, 2, vae.latents]);

  it('has the latents of all its layers: two of 2 × 2 at the top, one of 4 × 4', () => {
    expect(vae.latents).toBe(2 * 8 + 32);
    expect(posterior.layers).toEqual([8, 8, 32]);
    expect(posterior.centre.shape).toEqual([2, 48]);
  });

  it('decodes its own draws as it decodes the same latents from anywhere', () => {
    const { z } = posterior.draw(noise(3));
    const own = compute(vae.decode(z, 'evaluation').mean, values);
    const given = argument('given', [3, 2, vae.latents]);
    const again = compute(vae.decode(given, 'evaluation').mean, { ...values, given: compute(z, values) });
    expect(own).toHaveLength(3 * 2 * 64);
    again.forEach((value, i) => {
      expect(value).toBeCloseTo(own[i], 12);
    });
  });

  it('with a draw at the centre of each layer decodes its centre', () => {
    const { z } = posterior.draw(constant(0).broadcastTo([1, 2, vae.latents]));
    const centre = compute(posterior.centre, values);
    compute(z, values).forEach((value, i) => {
      expect(value).toBeCloseTo(centre[i], 12);
    });
  });

  it('has a posterior below that depends on what is drawn above', () => {
    const [first, second] = [0, 1].map((step) => compute(posterior.draw(noise(1)).logProb, values, step));
    const kl = (step: number) => compute(posterior.draw(noise(1)).klTo(vae.prior)!, values, step);
    expect(first).not.toEqual(second);
    expect(kl(0).slice(0, 8)).toEqual(kl(1).slice(0, 8));
    expect(kl(0).slice(16, 48)).not.toEqual(kl(1).slice(16, 48));
  });

  it('has a closed KL that is on average what its draws estimate', () => {
    const draws = 1000;
    const { klTo, logProb, z } = posterior.draw(noise(draws));
    const closed = compute(klTo(vae.prior)!.sum(-1), values);
    const estimates = compute(logProb.sub(vae.prior.logProb(z)), values); // [S, B]
    closed.forEach((kl, i) => {
      const own = estimates.filter((_, at) => at % 2 === i);
      const variance = mean(own.map((value) => (value - mean(own)) ** 2));
      expect(kl).toBeGreaterThan(1);
      expect(Math.abs(mean(own) - kl)).toBeLessThan(4 * Math.sqrt(variance / draws));
    });
  });

  it('has a bound that is the mean of its log weights, and a KL by layer that adds up', () => {
    const found = elbo(vae, x, noise(2), { kl: 'monte-carlo' });
    const weights = compute(logWeights(vae, x, noise(2)).mean(0), values);
    compute(found.bound, values).forEach((value, i) => {
      expect(value).toBeCloseTo(weights[i], 8);
    });
    const layers = compute(found.layerKl!, values);
    compute(found.kl, values).forEach((value, i) => {
      expect(layers[3 * i] + layers[3 * i + 1] + layers[3 * i + 2]).toBeCloseTo(value, 8);
    });
  });

  it('begins at its prior', () => {
    const first = valuesOf(vae, 1, 0);
    expect(mean(compute(posterior.draw(noise(1)).klTo(vae.prior)!, first))).toBe(0);
  });

  it('gives each layer its free bits', () => {
    const loss = (freeBits: number) => compute(elbo(vae, x, noise(1), { freeBits }).loss, values)[0];
    const layers = compute(elbo(vae, x, noise(1)).layerKl!.mean(0), values);
    const allowance = Math.max(...layers);
    const paid = layers.reduce((sum, kl) => sum + Math.max(kl, allowance) - kl, 0);
    expect(loss(allowance) - loss(0)).toBeCloseTo(paid, 8);
  });
});

describe('a ladder of fewer layers than levels', () => {
  it('has none at the finest, and reaches the pixels all the same', () => {
    const vae = ladderOf({ layers: 1 });
    expect(vae.layers).toEqual([8]);
    expect(vae.decode(constant(0).broadcastTo([5, 8]), 'evaluation').mean.shape).toEqual([5, 64]);
  });
});

describe('a ladder of many layers', () => {
  it('adds as much of its latents at first as one of few', () => {
    const added = (layers: number): number =>
      ladderOf({ layers, latent: '2x2x16', channels: [64, 64] })
        .parameters.filter(({ name }) => /widen\.weight$/.test(name))
        .reduce((sum, { initialise }) => sum + mean(initialise(1).map((value) => value ** 2)), 0);
    expect(added(12)).toBeCloseTo(2 / 16, 2);
    expect(added(2)).toBeCloseTo(2 / 16, 2);
  });
});

describe('a ladder of odd sides', () => {
  it('halves them rounded down, and reaches the pixels all the same', () => {
    const vae = ladderOf({ imageShape: [1, 14, 11], latent: '1x1x2', channels: [4, 4, 4] });
    expect(vae.layers).toEqual([2, 3 * 2 * 2, 7 * 5 * 2]);
    expect(vae.decode(constant(0).broadcastTo([5, 84]), 'evaluation').mean.shape).toEqual([5, 154]);
  });
});

describe('a ladder cannot be made', () => {
  it('with other channels than levels, or from sides that do not lead to its map', () => {
    expect(() => ladderOf({ channels: [4] })).toThrow(
      'channels 4: expected 2 numbers, one for each halving that leads to a map of 2x2x2',
    );
    expect(() => ladderOf({ latent: '3x3x2' })).toThrow(/cannot be halved to a map of 3 × 3; use latent 2x2x16/);
    expect(() => ladderOf({ latent: '8x8x2' })).toThrow(/cannot be halved to a map of 8 × 8/);
  });
});

describe('a ladder as PyTorch prints it', () => {
  it('calls its layers as the parameters in them are called', () => {
    const vae = ladderOf();
    for (const [part, { parameters, pytorch }] of Object.entries({ encoder: vae.encoder, decoder: vae.decoder })) {
      const printed = [...pytorch.matchAll(/^ {2}\((.*?)\): /gm)].map(([, name]) => `${part}.${name}.`);
      expect(printed.length).toBeGreaterThan(3);
      for (const { name } of parameters) expect(printed.some((start) => name.startsWith(start))).toBe(true);
    }
  });
});
