/** Settings of the likelihood. */

import { choice, either, integer, namesOf, positive, truth } from '../../base/rules.ts';
import { likelihoods } from '../../vae/likelihoods/index.ts';
import { LEARNED_STDDEVS } from '../../vae/likelihoods/likelihood.ts';
import { settingsUnder } from '../setting.ts';

const setting = settingsUnder('Pixels:');

export const pixelSettings = {
  likelihood: setting({
    rule: choice(namesOf(likelihoods)),
    rows: likelihoods,
    default: 'bernoulli',
    placeholder: '<name>',
    help: 'distribution of the pixels, given the latents',
  }),
  stddev: setting({
    rule: either(positive, choice(LEARNED_STDDEVS)),
    default: 1,
    placeholder: '<σ>',
    help: 'standard deviation of a pixel: a number, learned, or per-pixel',
  }),
  squash: setting({
    rule: truth,
    default: true,
    placeholder: '',
    help: 'bring the means of pixels into their range by a sigmoid',
  }),
  mixtures: setting({
    rule: integer(1, 100),
    default: 10,
    placeholder: '<n>',
    help: 'components of a mixture',
  }),
};
