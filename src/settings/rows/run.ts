/** Settings of a run as a whole. */

import { choice, integer, namesOf, text } from '../../base/rules.ts';
import { PRECISIONS } from '../../engines/engine.ts';
import { engines, PREFERENCE, WITH_PRECISION } from '../../engines/index.ts';
import { type Rows, settingsUnder } from '../setting.ts';

const setting = settingsUnder('Run:');

export const presetSetting = {
  preset: setting({
    rule: text('the name of a preset'),
    optional: true,
    placeholder: '<name>',
    help: 'begin with the settings of a known system; vae presets lists them',
  }),
};

const deviceRows: Rows = Object.fromEntries(
  namesOf(engines).map((name) => [name, { uses: WITH_PRECISION.has(name) ? ['precision'] : [] }]),
);

export const runSettings = {
  seed: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<n>',
    help: 'random seed; the same seed gives the same run',
  }),
  keepEvery: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<n>',
    help: 'also keep the checkpoint of every n-th epoch; 0 turns it off',
    resumable: true,
  }),
  picturesEvery: setting({
    rule: integer(1),
    default: 1,
    placeholder: '<n>',
    help: 'draw the samples and reconstructions of every n-th epoch, and of the last',
    resumable: true,
  }),
  device: setting({
    rule: choice(namesOf(engines)),
    rows: deviceRows,
    default: 'auto',
    placeholder: '<name>',
    help: `where to compute (auto: the first of ${PREFERENCE.join(', ')} that works)`,
  }),
  precision: setting({
    rule: choice(PRECISIONS),
    default: 'float32',
    placeholder: '<name>',
    help: 'precision of matrix products',
  }),
  threads: setting({ rule: integer(1, 1024), placeholder: '<n>', help: 'CPU threads (default: all)', resumable: true }),
};
