/** The flags of vae train: one for every field of the configuration. */

import { Option } from 'commander';
import { choice, truth } from '../../base/rules.ts';
import { datasets } from '../../data/index.ts';
import { PRECISIONS } from '../../engines/engine.ts';
import { CONFIG_RULES, DEFAULT_CONFIG, type RunConfig } from '../../settings/config.ts';
import { presets } from '../../settings/presets.ts';
import {
  asNames,
  asNumber,
  asNumbers,
  asText,
  checkedOption,
  DEFAULT_DEVICE,
  DEVICE_HELP,
  pathOption,
} from '../shared/options.ts';

interface Flag {
  readonly group: string;
  readonly value: string;
  readonly parse: (text: string) => unknown;
  readonly description: string;
}

const flag =
  (group: string) =>
  (value: string, parse: Flag['parse'], description: string): Flag => ({ group, value, parse, description });

const [data, network, latents, pixels, objective, optimisation, run] = [
  'Data:',
  'Network:',
  'Latents:',
  'Pixels:',
  'Objective:',
  'Optimisation:',
  'Run:',
].map(flag);
const choices = (field: keyof RunConfig): string => CONFIG_RULES[field].choices!.join(', ');

/** A setting that is on or off: `--flip` and `--no-flip`. */
const onOff = (of: typeof data, description: string): Flag => of('', asText, description);

/** A flag for every field of the configuration, in the order of the help. */
const FLAGS: { readonly [K in keyof Required<RunConfig>]: Flag } = {
  preset: run('<name>', asText, 'begin with the settings of a known system; vae presets lists them'),

  dataset: data('<name or folder>', asText, `${Object.keys(datasets).join(', ')}, or a folder of images`),
  dataDir: data('<folder>', asText, "read the dataset's files from here"),
  imageSize: data('<n>', asNumber, "side to which a folder's images are cut and scaled"),
  imageChannels: data('<n>', asNumber, "1 or 3: a folder's images in grey or in colour"),
  binarize: data('<how>', asText, `${choices('binarize')}: how grey pixels become targets`),
  range: data('<name>', asText, 'unit or symmetric: pixels from 0 to 1, or from −1 to 1'),
  flip: onOff(data, 'mirror each image, left to right, half the times that it is used'),
  inputNoise: data('<kind:strength>', asText, 'disturb what the encoder sees: salt-and-pepper:0.1, normal:0.1'),
  validation: data('<n>', asNumber, 'training images set aside to select the best checkpoint by'),

  model: network('<name>', asText, choices('model')),
  hidden: network('<sizes>', asNumbers, 'dense layers of the encoder, mirrored in the decoder: 500,500'),
  activation: network('<names>', asNames, `one for all layers or one for each: ${choices('activation')}`),
  channels: network('<sizes>', asNumbers, 'channels of the levels of convolutions, each half the side: 32,64'),
  kernel: network('<n>', asNumber, 'side of the filters of --model conv'),
  blocks: network('<n>', asNumber, 'blocks a level of --model residual'),
  latent: network('<n>', asNumber, 'number of latents'),
  dropout: network('<rate>', asNumber, 'share of hidden units dropped in training'),
  initializer: network('<name>', asText, choices('initializer')),
  initialBias: network('<how>', asText, "default, or data: the decoder's last bias begins at the pixels' mean"),

  posterior: latents('<name>', asText, choices('posterior')),
  scale: latents('<name>', asText, `what the encoder puts out beside the mean: ${choices('scale')}`),
  flowSteps: latents('<n>', asNumber, 'steps of a flow'),
  flowHidden: latents('<n>', asNumber, "units of an autoregressive flow's networks"),
  flowContext: latents('<n>', asNumber, 'values of the encoder that an autoregressive flow sees'),

  likelihood: pixels('<name>', asText, choices('likelihood')),
  stddev: pixels('<σ>', asNumber, 'of a pixel, for a normal likelihood: a number, learned, or per-pixel'),
  squash: onOff(pixels, 'bring the means of normal pixels into their range by a sigmoid'),
  mixtures: pixels('<n>', asNumber, 'components of a logistic mixture'),

  objective: objective('<name>', asText, choices('objective')),
  kl: objective('<how>', asText, choices('kl')),
  estimator: objective('<name>', asText, `gradient of the encoder: ${choices('estimator')}`),
  gradientVariance: onOff(objective, 'measure the variance of both gradient estimators every epoch'),
  beta: objective('<β>', asNumber, 'weight of the KL term'),
  klWarmUp: objective('<steps>', asNumber, 'steps over which the weight of the KL term rises from 0'),
  freeBits: objective('<nats>', asNumber, 'KL that each latent may spend without cost'),
  samples: objective('<n>', asNumber, 'samples of z per image'),

  optimizer: optimisation('<name>', asText, choices('optimizer')),
  learningRate: optimisation('<α>', asNumber, 'learning rate'),
  epsilon: optimisation('<ε>', asNumber, 'what adam, adamw and rmsprop add to the root they divide by'),
  momentum: optimisation('<μ>', asNumber, 'momentum of sgd and rmsprop'),
  weightDecay: optimisation('<λ>', asNumber, 'decay of the weights, for adamw'),
  schedule: optimisation('<name>', asText, `of the learning rate: ${choices('schedule')}`),
  warmUp: optimisation('<steps>', asNumber, 'steps over which the learning rate rises from 0'),
  decay: optimisation('<factor>', asNumber, 'factor of --schedule step'),
  decayEvery: optimisation('<steps>', asNumber, 'steps between the decays of --schedule step'),
  floor: optimisation('<α>', asNumber, 'learning rate that --schedule cosine ends at'),
  clip: optimisation('<norm>', asNumber, "longest that a step's whole gradient may be; 0 for any"),
  gradientNorm: onOff(optimisation, "record the gradient's norm"),
  batchSize: optimisation('<n>', asNumber, 'images per update'),
  epochs: optimisation('<n>', asNumber, 'passes over the training images, unless --steps is given'),
  steps: optimisation('<n>', asNumber, 'updates, instead of epochs'),
  patience: optimisation('<epochs>', asNumber, 'stop after so many epochs without a better one; 0 for never'),

  seed: run('<n>', asNumber, 'all that is random follows from it'),
  keepEvery: run('<n>', asNumber, 'keep the checkpoint of every n-th epoch too; 0 for none'),
  device: run('<name>', asText, DEVICE_HELP),
  precision: run('<name>', asText, `of matrix products, for --device cuda: ${PRECISIONS.join(', ')}`),
  threads: run('<n>', asNumber, 'CPU threads (default: all)'),
};

export const flagName = (field: string): string =>
  `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export interface TrainOptions extends Partial<RunConfig> {
  readonly resume?: string | true;
  readonly out?: string;
}

const formatDefault = (value: unknown): string =>
  Array.isArray(value) ? (value.length === 0 ? 'by rule' : value.join(',')) : String(value);

/** The options as commander knows them, each checked by its field's rule. */
export function trainOptions(): Option[] {
  const fields = Object.entries(FLAGS).flatMap(([field, { group, value, parse, description }]) => {
    const standard = ({ ...DEFAULT_CONFIG, device: DEFAULT_DEVICE } as Partial<RunConfig>)[field as keyof RunConfig];
    const rule = field === 'preset' ? choice(Object.keys(presets)) : CONFIG_RULES[field as keyof RunConfig];
    if (rule === truth) {
      // Both exist, so that either overrides a preset; the one that is no default is shown.
      const on = new Option(flagName(field), description);
      const off = new Option(flagName(field).replace('--', '--no-'), `do not ${description}`);
      return standard === true ? [on.hideHelp(), off.helpGroup(group)] : [on.helpGroup(group), off.hideHelp()];
    }
    const shown = standard === undefined ? description : `${description} (default: ${formatDefault(standard)})`;
    return [checkedOption(`${flagName(field)} ${value}`, shown, rule, parse).helpGroup(group)];
  });
  for (const option of fields) if (option.attributeName() === 'steps') option.conflicts('epochs');
  const out = pathOption('--out <folder>', 'folder of the run (default: runs/<dataset>-<model>-<n>)');
  const resume = pathOption(
    '--resume [run]',
    'continue a run, by default the newest; only --epochs, --steps, --patience, --threads, --keep-every and --data-dir may change',
  ).conflicts('out');
  return [...fields, out.helpGroup('Run:'), resume.helpGroup('Run:')];
}
