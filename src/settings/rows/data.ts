/** Settings of the data. */

import { choice, integer, namesOf, oneOf, text, truth } from '../../base/rules.ts';
import { binarisations } from '../../data/binarise.ts';
import { datasets } from '../../data/index.ts';
import { INPUT_NOISE } from '../../data/preprocessing.ts';
import { RANGES } from '../../vae/likelihoods/likelihood.ts';
import { settingsUnder } from '../setting.ts';

const setting = settingsUnder('Data:');

export const dataSettings = {
  dataset: setting({
    rule: text('a dataset, or a folder of images'),
    default: 'mnist',
    placeholder: '<name or folder>',
    help: `${namesOf(datasets).join(', ')}, or a folder of images`,
  }),
  dataDir: setting({
    rule: text('a folder'),
    optional: true,
    placeholder: '<folder>',
    help: "read the dataset's files from this folder; of a resumed run, where its folder of images is now",
    resumable: true,
  }),
  imageSize: setting({
    rule: integer(2, 1024),
    optional: true,
    placeholder: '<n>',
    help: "side in pixels to which a folder's images are cut and scaled",
  }),
  imageChannels: setting({
    rule: oneOf([1, 3], '1 (grey) or 3 (colour)'),
    optional: true,
    placeholder: '<n>',
    help: "1 or 3: a folder's images in grey or in colour",
  }),
  binarize: setting({
    rule: choice(namesOf(binarisations)),
    default: 'none',
    placeholder: '<how>',
    help: 'turn grey pixels into black and white ones',
  }),
  range: setting({
    rule: choice(namesOf(RANGES)),
    default: 'unit',
    placeholder: '<name>',
    help: 'scale of the pixels, from 0 to 1 or from −1 to 1',
  }),
  flip: setting({
    rule: truth,
    default: false,
    placeholder: '',
    help: 'mirror each image, left to right, half the times that it is used',
  }),
  inputNoise: setting({
    rule: INPUT_NOISE,
    optional: true,
    placeholder: '<kind:strength>',
    help: 'disturb what the encoder sees: salt-and-pepper:0.1, normal:0.1',
  }),
  validation: setting({
    rule: integer(0),
    default: 0,
    placeholder: '<n>',
    help: 'training images set aside to select the best checkpoint by',
  }),
};
