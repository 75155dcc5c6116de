/** Settings of the posterior. */

import { choice, integer, namesOf } from '../../base/rules.ts';
import { scaleParametrisations } from '../../vae/distributions/normal.ts';
import { posteriors } from '../../vae/posteriors/index.ts';
import { MOST_UNITS, settingsUnder } from '../setting.ts';

const setting = settingsUnder('Latents:');

export const latentSettings = {
  posterior: setting({
    rule: choice(namesOf(posteriors)),
    rows: posteriors,
    default: 'normal',
    placeholder: '<name>',
    help: 'kind of approximate posterior',
  }),
  scale: setting({
    rule: choice(namesOf(scaleParametrisations)),
    default: 'log-variance',
    placeholder: '<name>',
    help: "how the encoder parametrises the posterior's standard deviation",
  }),
  flowSteps: setting({ rule: integer(1, 1000), default: 2, placeholder: '<n>', help: 'steps of a flow' }),
  flowHidden: setting({
    rule: integer(1, MOST_UNITS),
    default: 256,
    placeholder: '<n>',
    help: 'hidden units of the networks of a flow',
  }),
  flowContext: setting({
    rule: integer(1, MOST_UNITS),
    default: 128,
    placeholder: '<n>',
    help: 'values that the encoder gives to a flow',
  }),
};
