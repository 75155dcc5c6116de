/** Settings of the objective. */

import { choice, integer, namesOf, notNegative, truth } from '../../base/rules.ts';
import { KL_ESTIMATORS } from '../../vae/objectives/elbo.ts';
import { estimators } from '../../vae/objectives/estimators.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { MOST_UNITS, settingsUnder } from '../setting.ts';

const setting = settingsUnder('Objective:');

export const objectiveSettings = {
  objective: setting({
    rule: choice(namesOf(objectives)),
    rows: objectives,
    default: 'elbo',
    placeholder: '<name>',
    help: 'what is maximised',
  }),
  kl: setting({
    rule: choice(KL_ESTIMATORS),
    default: 'analytic',
    placeholder: '<how>',
    help: 'how the KL term is computed',
  }),
  estimator: setting({
    rule: choice(namesOf(estimators)),
    default: 'reparametrised',
    placeholder: '<name>',
    help: 'how the gradient of the encoder is estimated',
  }),
  gradientVariance: setting({
    rule: truth,
    default: false,
    placeholder: '',
    help: 'measure the variance of both gradient estimators every epoch',
  }),
  beta: setting({ rule: notNegative, default: 1, placeholder: '<β>', help: 'weight of the KL term' }),
  klWarmUp: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<steps>',
    help: 'steps over which the weight of the KL term rises from 0',
  }),
  freeBits: setting({
    rule: notNegative,
    default: 0,
    placeholder: '<nats>',
    help: 'KL that each latent may spend without cost',
  }),
  samples: setting({
    rule: integer(1, MOST_UNITS),
    default: 1,
    placeholder: '<n>',
    help: 'samples of z per image',
  }),
};
