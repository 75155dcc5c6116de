/** The flags of vae train: one for every field of the configuration. */

import type { Option } from 'commander';
import type { RunConfig } from '../training/config.ts';
import { CONFIG_RULES, DEFAULT_CONFIG } from '../training/config.ts';
import { asNames, asNumber, asNumbers, asText, checkedOption, DEFAULT_DEVICE, pathOption } from './options.ts';

interface Flag {
  readonly group: string;
  readonly value: string;
  readonly parse: (text: string) => unknown;
  readonly description: string;
}

const flag =
  (group: string) =>
  (value: string, parse: Flag['parse'], description: string): Flag => ({ group, value, parse, description });

const [data, network, objective, optimisation, run] = ['Data:', 'Network:', 'Objective:', 'Optimisation:', 'Run:'].map(
  flag,
);
const choices = (field: keyof RunConfig): string => CONFIG_RULES[field].choices!.join(', ');

/** A flag for every field of the configuration, in the order of the help. */
const FLAGS: { readonly [K in keyof Required<RunConfig>]: Flag } = {
  dataset: data('<name>', asText, choices('dataset')),
  dataDir: data('<folder>', asText, 'read the four IDX files from here'),
  binarize: data('<how>', asText, `${choices('binarize')}: how grey pixels become targets`),
  validation: data('<n>', asNumber, 'training images set aside to select the best checkpoint by'),
  hidden: network('<sizes>', asNumbers, 'hidden layers of the encoder, mirrored in the decoder: 500,500'),
  activation: network('<names>', asNames, `one for all layers or one for each: ${choices('activation')}`),
  latent: network('<n>', asNumber, 'number of latents'),
  dropout: network('<rate>', asNumber, 'share of hidden units dropped in training'),
  initializer: network('<name>', asText, choices('initializer')),
  scale: network('<name>', asText, `what the encoder puts out beside the mean: ${choices('scale')}`),
  likelihood: network('<name>', asText, choices('likelihood')),
  stddev: network('<σ>', asNumber, 'standard deviation of a pixel, for a normal likelihood'),
  kl: objective('<how>', asText, choices('kl')),
  beta: objective('<β>', asNumber, 'weight of the KL term'),
  samples: objective('<n>', asNumber, 'samples of z per image'),
  optimizer: optimisation('<name>', asText, choices('optimizer')),
  learningRate: optimisation('<α>', asNumber, 'learning rate'),
  weightDecay: optimisation('<λ>', asNumber, 'decay of the weights, for adamw'),
  batchSize: optimisation('<n>', asNumber, 'images per update'),
  epochs: optimisation('<n>', asNumber, 'passes over the training images'),
  seed: run('<n>', asNumber, 'all that is random follows from it'),
  keepEvery: run('<n>', asNumber, 'keep the checkpoint of every n-th epoch too; 0 for none'),
  device: run('<name>', asText, `engine: ${choices('device')}`),
  threads: run('<n>', asNumber, 'CPU threads (default: all)'),
};

export const flagName = (field: string): string =>
  `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export interface TrainOptions extends Partial<RunConfig> {
  readonly resume?: string | true;
  readonly out?: string;
}

const formatDefault = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

/** The options as commander knows them, each checked by its field's rule. */
export function trainOptions(): Option[] {
  const fields = Object.entries(FLAGS).map(([field, { group, value, parse, description }]) => {
    const standard = ({ ...DEFAULT_CONFIG, device: DEFAULT_DEVICE } as Partial<RunConfig>)[field as keyof RunConfig];
    const shown = standard === undefined ? description : `${description} (default: ${formatDefault(standard)})`;
    const rule = CONFIG_RULES[field as keyof RunConfig];
    return checkedOption(`${flagName(field)} ${value}`, shown, rule, parse).helpGroup(group);
  });
  const out = pathOption('--out <folder>', 'folder of the run (default: runs/<dataset>-<model>-<n>)');
  const resume = pathOption(
    '--resume [run]',
    'continue a run, by default the newest; only --epochs, --threads, --keep-every and --data-dir may change',
  ).conflicts('out');
  return [...fields, out.helpGroup('Run:'), resume.helpGroup('Run:')];
}
