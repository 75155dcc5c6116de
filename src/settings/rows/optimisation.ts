/** Settings of the optimiser, and of the length of a run. */

import { choice, integer, namesOf, notNegative, number, positive, truth } from '../../base/rules.ts';
import { optimisers } from '../../nn/optimisers.ts';
import { schedules } from '../../nn/schedules.ts';
import { settingsUnder } from '../setting.ts';

const setting = settingsUnder('Optimisation:');

const MOST_EPOCHS = 1e7;

export const optimisationSettings = {
  optimizer: setting({
    rule: choice(namesOf(optimisers)),
    rows: optimisers,
    default: 'adam',
    placeholder: '<name>',
    help: 'how the weights are updated',
  }),
  learningRate: setting({ rule: positive, default: 1e-3, placeholder: '<α>', help: 'learning rate' }),
  epsilon: setting({
    rule: positive,
    default: 1e-8,
    placeholder: '<ε>',
    help: 'added to the denominator',
  }),
  momentum: setting({
    rule: number({ least: 0, below: 1 }),
    default: 0,
    placeholder: '<μ>',
    help: 'momentum',
  }),
  weightDecay: setting({
    rule: notNegative,
    default: 0.01,
    placeholder: '<λ>',
    help: 'decay of the weights',
  }),
  schedule: setting({
    rule: choice(namesOf(schedules)),
    rows: schedules,
    default: 'constant',
    placeholder: '<name>',
    help: 'how the learning rate changes over the run',
  }),
  warmUp: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<steps>',
    help: 'steps over which the learning rate rises from 0',
  }),
  decay: setting({
    rule: number({ above: 0, most: 1 }),
    default: 0.1,
    placeholder: '<factor>',
    help: 'factor of each decay',
  }),
  decayEvery: setting({
    rule: integer(1),
    default: 10_000,
    placeholder: '<steps>',
    help: 'steps between two decays',
  }),
  floor: setting({
    rule: notNegative,
    default: 0,
    placeholder: '<α>',
    help: 'learning rate at the end of the run',
  }),
  clip: setting({
    rule: notNegative,
    default: 0,
    placeholder: '<norm>',
    help: 'clip the global gradient norm; 0 turns it off',
  }),
  ema: setting({
    rule: number({ least: 0, below: 1 }),
    default: 0,
    placeholder: '<decay>',
    help: 'decay of a moving average of the weights, which is measured and used in their place; 0 turns it off',
  }),
  gradientNorm: setting({ rule: truth, default: false, placeholder: '', help: 'record the norm of the gradient' }),
  batchSize: setting({ rule: integer(1), default: 128, placeholder: '<n>', help: 'images per update' }),
  epochs: setting({
    rule: integer(1, MOST_EPOCHS),
    default: 10,
    placeholder: '<n>',
    help: 'passes over the training images, unless --steps is given',
    resumable: true,
  }),
  steps: setting({
    rule: integer(1),
    optional: true,
    placeholder: '<n>',
    help: 'updates, instead of epochs',
    resumable: true,
  }),
  patience: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<epochs>',
    help: 'stop after this many epochs without a better one; 0 turns it off',
    resumable: true,
  }),
};
