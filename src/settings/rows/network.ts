/** Settings of the encoder's and the decoder's network. */

import { choice, either, integer, list, namesOf, number, orNone, truth } from '../../base/rules.ts';
import { activations } from '../../nn/activations.ts';
import { initializers } from '../../nn/parameter.ts';
import { LATENT_MAP } from '../../vae/latent-map.ts';
import { networks } from '../../vae/networks/index.ts';
import { INITIAL_BIASES } from '../../vae/networks/network.ts';
import { MOST_UNITS, settingsUnder } from '../setting.ts';

const setting = settingsUnder('Network:');

const sizes = orNone(list(integer(1, MOST_UNITS), `sizes such as 500,500, each an integer from 1 to ${MOST_UNITS}`));

export const networkSettings = {
  model: setting({
    rule: choice(namesOf(networks)),
    rows: networks,
    default: 'dense',
    placeholder: '<name>',
    help: 'kind of network',
  }),
  hidden: setting({
    rule: sizes,
    default: [400],
    placeholder: '<sizes>',
    help: 'dense layers of the encoder, mirrored in the decoder: 500,500',
  }),
  activation: setting({
    rule: list(choice(namesOf(activations)), `one of, or a list of, ${namesOf(activations).join(', ')}`),
    default: ['relu'],
    placeholder: '<names>',
    help: 'one for all layers, or one for each',
  }),
  channels: setting({
    rule: sizes,
    default: [],
    placeholder: '<sizes>',
    help: 'channels of each level of convolutions; each level halves the side: 32,64',
  }),
  kernel: setting({
    rule: integer(2, 15),
    default: 4,
    placeholder: '<n>',
    help: 'side of the filters',
  }),
  blocks: setting({
    rule: integer(0, 64),
    default: 4,
    placeholder: '<n>',
    help: 'residual blocks per level; of --model conv, behind the last level',
  }),
  latent: setting({
    rule: either(integer(1, MOST_UNITS), LATENT_MAP),
    default: 20,
    placeholder: '<n>',
    help: 'number of latents, or a map of them as height x width x channels: 8x8x16',
  }),
  gated: setting({
    rule: truth,
    default: false,
    placeholder: '',
    help: 'give residual blocks a gate',
  }),
  layers: setting({ rule: integer(2, 64), default: 3, placeholder: '<n>', help: 'layers of latents' }),
  dropout: setting({
    rule: number({ least: 0, below: 1 }),
    default: 0,
    placeholder: '<rate>',
    help: 'share of hidden units dropped in training',
  }),
  initializer: setting({
    rule: choice(namesOf(initializers)),
    default: 'pytorch',
    placeholder: '<name>',
    help: 'how the first weights are drawn',
  }),
  initialBias: setting({
    rule: choice(INITIAL_BIASES),
    default: 'default',
    placeholder: '<how>',
    help: "first value of the decoder's last bias; data: fitted to the training images; data-alone: with weights of 0 too",
  }),
};
