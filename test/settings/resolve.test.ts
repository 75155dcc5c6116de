/** From what a user says to a whole configuration; and what it may be compared with. */

import { describe, expect, it } from 'vitest';
import { checkConfig, checkEffect } from '../../src/settings/check.ts';
import {
  bitsPerDimension,
  formatContract,
  isComparable,
  klName,
  likelihoodContract,
} from '../../src/settings/contract.ts';
import { type PresetName, presets } from '../../src/settings/presets.ts';
import { comparableRows } from '../../src/settings/published.ts';
import { otherDefaults, possibleFacts, resolveConfig, resolveForData } from '../../src/settings/resolve.ts';
import type { RunConfig } from '../../src/settings/table.ts';

const resolved = (given: Partial<RunConfig> = {}): RunConfig =>
  checkConfig({ threads: 1, ...resolveConfig({ device: 'reference', ...given }) });

describe('settings', () => {
  for (const preset of Object.keys(presets) as PresetName[]) {
    it(`of the preset ${preset} make sense, and are what it says`, () => {
      expect(resolved({ preset })).toMatchObject(presets[preset].config);
    });
  }

  it('that are given win over a preset, which wins over defaults', () => {
    expect(resolved({ preset: 'adcme', latent: 3 })).toMatchObject({ latent: 3, hidden: [500, 500], batchSize: 128 });
  });

  it('of a preset give way to what the user counts in, and to another network or objective', () => {
    const { steps, epochs } = resolved({ preset: 'tutorial', epochs: 2 });
    expect([steps, epochs]).toEqual([undefined, 2]);
    expect(resolved({ preset: 'cifar', model: 'dense' })).toMatchObject({ hidden: [400], channels: [] });
    // A list of activations has one for each layer of the preset's network; a single one fits any.
    expect(resolved({ preset: 'adcme', model: 'conv' })).toMatchObject({ hidden: [256], activation: ['silu'] });
    expect(resolved({ preset: 'seminar-vae', model: 'conv' }).activation).toEqual(['elu']);
    expect(resolved({ preset: 'seminar-ae', objective: 'elbo', likelihood: 'normal' }).posterior).toBe('normal');
    expect(resolved({ preset: 'seminar-flow', objective: 'autoencoder' }).posterior).toBe('point');
    expect(resolved({ preset: 'seminar-flow', objective: 'iwae' }).posterior).toBe('planar');
  });

  it('that do not go together are blamed on whoever has set them', () => {
    const check = (given: Partial<RunConfig>) => () => {
      const { settings, origins } = resolveForData(given, possibleFacts(given)[0]);
      checkConfig({ threads: 1, ...settings }, origins);
    };
    expect(check({ preset: 'adcme', hidden: [30] })).toThrow(
      'activation elu,tanh (set by the preset adcme): 2 activations for 1 hidden layer',
    );
    expect(check({ preset: 'adcme', hidden: [30], activation: ['elu', 'tanh'] })).toThrow('activation elu,tanh: 2');
    expect(check({ objective: 'elbo', likelihood: 'squared-error' })).toThrow('likelihood squared-error: this is');
    expect(check({ dataset: 'cifar10', binarize: 'static' })).toThrow(/^binarize static: /);
    expect(check({ preset: 'cifar', squash: true, likelihood: 'bernoulli' })).toThrow(
      'range symmetric (set by the preset cifar): the likelihood bernoulli is of pixels from 0 to 1; use range unit',
    );
    expect(check({ objective: 'autoencoder', posterior: 'normal' })).toThrow(/^posterior normal: /);
    expect(check({ posterior: 'planar', freeBits: 1, kl: 'monte-carlo' })).toThrow(/^freeBits 1: /);
  });

  it('say where their default is another', () => {
    expect(otherDefaults('latent')).toEqual([{ of: 'cifar10 and folders' }, { of: '--model ladder', value: '3x3x16' }]);
    expect(otherDefaults('hidden')).toEqual([
      { of: '--model conv', value: [256] },
      { of: '--model residual', value: [] },
      { of: '--model ladder', value: [] },
    ]);
    expect(otherDefaults('seed')).toEqual([]);
  });

  it('that are given and change nothing are refused', () => {
    const check = (given: Partial<RunConfig>) => () => checkEffect(given, resolved(given));
    for (const [given, message] of [
      [{ momentum: 0.5 }, 'momentum has no effect with the optimizer adam; use optimizer rmsprop or optimizer sgd'],
      [{ kernel: 5 }, 'kernel has no effect with the model dense; use model conv'],
      [{ model: 'residual', dropout: 0.1 }, 'dropout has no effect with the model residual'],
      [{ flowSteps: 3 }, 'flowSteps has no effect with the posterior normal'],
      [{ floor: 1e-4 }, 'floor has no effect with the schedule constant; use schedule cosine'],
      [{ precision: 'tf32' }, 'precision has no effect with the device reference; use device cuda'],
      [{ objective: 'iwae', beta: 2 }, 'beta has no effect with the objective iwae; use objective elbo'],
      [{ objective: 'iwae', klWarmUp: 9 }, 'klWarmUp has no effect with the objective iwae'],
      [{ objective: 'iwae', estimator: 'score-function' }, 'estimator has no effect with the objective iwae'],
      [{ objective: 'autoencoder', samples: 2 }, 'samples has no effect with the objective autoencoder'],
      [{ objective: 'autoencoder', scale: 'softplus' }, 'scale has no effect with the posterior point'],
    ] as const) {
      expect(check(given)).toThrow(message);
    }
    expect(check({ optimizer: 'sgd', momentum: 0.5, schedule: 'cosine', floor: 1e-4 })).not.toThrow();
    expect(check({ preset: 'cifar' })).not.toThrow();
  });

  it('ask for others that they need, unless those are given', () => {
    expect(resolved({ objective: 'autoencoder' }).posterior).toBe('point');
    expect(resolved({ posterior: 'planar' }).kl).toBe('monte-carlo');
    expect(resolved({ estimator: 'score-function' }).gradientVariance).toBe(true);
    expect(resolved({ estimator: 'score-function', gradientVariance: false }).gradientVariance).toBe(false);
    expect(() => resolved({ posterior: 'planar', kl: 'analytic' })).toThrow('has no closed form');
  });

  it('suit photographs where there are photographs', () => {
    expect(resolved({ dataset: 'cifar10' })).toMatchObject({
      model: 'conv',
      latent: '16x16x16',
      likelihood: 'logistic-mixture',
    });
    expect(resolved({ dataset: 'fashion-mnist' })).toMatchObject({ model: 'dense', likelihood: 'bernoulli' });
    expect(resolved({ dataset: 'cifar10', model: 'dense', hidden: [30] })).toMatchObject({ hidden: [30] });
  });
});

describe('a contract', () => {
  const words = (given: Partial<RunConfig>) => formatContract(likelihoodContract(resolved(given)));

  it('tells what the number is of', () => {
    expect(likelihoodContract(resolved()).kind).toBe('cross-entropy');
    expect(likelihoodContract(resolved({ binarize: 'static' })).kind).toBe('log probability');
    expect(likelihoodContract(resolved({ likelihood: 'normal' })).kind).toBe('log density');
    expect(likelihoodContract(resolved({ preset: 'seminar-ae' })).kind).toBe('error');
    expect(words({ preset: 'cifar' })).toContain('from −1 to 1; normal density with standard deviation 1');
    expect(words({ preset: 'iwae' })).toContain('bound: importance weighted, 50 samples');
    expect(words({ beta: 4 })).toContain('trained with β = 4, measured with β = 1');
    expect(words({ preset: 'seminar-ae' })).toContain('no bound: a plain autoencoder has no prior');
  });

  it('goes with another where the same is measured, however the models were trained', () => {
    const comparable = (a: Partial<RunConfig>, b: Partial<RunConfig>) =>
      isComparable(likelihoodContract(resolved(a)), likelihoodContract(resolved(b)));
    expect(comparable({}, { beta: 4, validation: 100, hidden: [30] })).toBe(true);
    for (const other of [
      { objective: 'iwae' },
      { binarize: 'static' },
      { likelihood: 'normal' },
      { dataset: 'fashion-mnist' },
      { dataDir: '/elsewhere' },
    ] as const) {
      expect(comparable({}, other)).toBe(false);
    }
  });

  it('calls a KL an estimate where it has no closed form', () => {
    const names = [{}, { posterior: 'planar' }, { posterior: 'autoregressive' }, { objective: 'autoencoder' }] as const;
    expect(names.map((given) => klName(resolved(given)))).toEqual(['KL', 'KL ≈', 'KL ≈', 'KL']);
  });

  it('counts bits: 256 equally likely levels are 8', () => {
    const bytes = resolved({ dataset: 'cifar10' });
    expect(bitsPerDimension(-100 * Math.log(256), 100, bytes)).toBeCloseTo(8, 12);
    expect(bitsPerDimension(-100, 100, resolved({ likelihood: 'normal' }))).toBeUndefined();
    expect(bitsPerDimension(-100, 100, resolved({ dataset: 'cifar10', objective: 'autoencoder' }))).toBeUndefined();
  });
});

describe('published numbers', () => {
  const sources = (given: Partial<RunConfig>) => comparableRows(resolved(given)).map(({ source }) => source);

  it('are put beside runs of the same pixels and the same data alone', () => {
    expect(sources({ preset: 'altosaar' })).toEqual([
      'Altosaar, mean field',
      'pythae, VAE',
      'addtt, ladder VAE of 3 / 6 / 12 layers',
    ]);
    expect(sources({ preset: 'altosaar-flow' })).toEqual(['Altosaar, inverse autoregressive flow']);
    expect(sources({ preset: 'iwae' })).toEqual(['Burda et al. (2016), table 1, IWAE, one stochastic layer']);
    expect(sources({ binarize: 'stochastic' })).toEqual(['Burda et al. (2016), table 1, VAE, one stochastic layer']);
    expect(sources({ preset: 'adcme' })).toEqual(["PyTorch's example"]);
    expect(sources({ dataset: 'cifar10' })).toEqual([
      'van den Oord et al. (2017), VAE / VQ-VAE',
      'addtt, ladder VAE of 3 layers',
      'VDVAE / NVAE',
    ]);
    for (const other of [
      { dataDir: '/elsewhere' },
      { dataset: 'fashion-mnist' },
      { likelihood: 'normal' },
      { preset: 'cifar' },
      { objective: 'autoencoder' },
      { posterior: 'planar', binarize: 'static' },
      { dataset: 'cifar10', dataDir: '/elsewhere' },
    ] as const) {
      expect(sources(other)).toEqual([]);
    }
  });
});
