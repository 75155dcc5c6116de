/** What a run says of a model that does not use its latents: each sign once, with its figure and what to do. */

import { joined } from '../../base/words.ts';
import type { RunConfig } from '../../settings/table.ts';
import { type Judged, type Sign, signsOf, varianceOf, type Yardstick } from '../../training/idle-latents.ts';
import type { EpochRecord } from '../../training/records.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { flagName } from '../shared/flags.ts';
import { note } from '../shared/terminal.ts';
import { nats } from '../shared/words.ts';

const TRAINING = [`a lower ${flagName('learningRate')}`, `another ${flagName('activation')}`];

/** What lets a KL grow that is near 0. */
function forKl({ objective, beta, klWarmUp, freeBits }: RunConfig): string[] {
  const reads = (name: string): boolean => objectives[objective].uses.includes(name);
  return [
    ...(reads('klWarmUp') && klWarmUp === 0 ? [flagName('klWarmUp')] : []),
    ...(reads('beta') ? [beta > 1 ? `${flagName('beta')} 1` : `a ${flagName('beta')} below ${beta}`] : []),
    ...(reads('freeBits') && freeBits === 0 ? [flagName('freeBits')] : []),
  ];
}

const beginning = ({ initialBias }: RunConfig): string[] =>
  initialBias === 'default' ? [`${flagName('initialBias')} data`] : [];

function problemOf(sign: Sign, config: RunConfig): string {
  switch (sign.kind) {
    case 'no information':
      return `the KL is ${nats(sign.kl)} nats per image, so the latents say almost nothing of an image`;
    case 'no gain': {
      const weight = config.beta < 1 ? ` with β = ${config.beta}` : '';
      return `the test bound${weight}, ${nats(sign.bound)}, is below the ${nats(sign.withoutLatents)} nats that need no latents`;
    }
    case 'no variety': {
      const percent = (100 * sign.share).toPrecision(2);
      return `the samples are all alike: their pixels have ${percent} % of the training images' variance`;
    }
  }
}

const REMEDIES: Readonly<Record<Sign['kind'], (config: RunConfig) => readonly string[]>> = {
  'no information': forKl,
  'no gain': (config) => ['longer training', ...beginning(config)],
  'no variety': (config) => [...forKl(config), ...beginning(config)],
};

/** The line of a sign. */
export const warningOf = (sign: Sign, config: RunConfig): string =>
  `warning: ${problemOf(sign, config)}; try ${joined([...REMEDIES[sign.kind](config), ...TRAINING], 'or')}`;

/** Watches a run, and warns on stderr. */
export class Warnings {
  private readonly config: RunConfig;
  private readonly judged: Judged;
  private readonly values: number;
  private readonly said = new Set<Sign['kind']>();

  /** @param values of an image. */
  constructor(config: RunConfig, epochs: number, values: number, yardstick: Yardstick) {
    this.config = config;
    this.values = values;
    this.judged = { ...yardstick, epochs, beta: config.beta, klWarmUp: config.klWarmUp };
  }

  /** @param samples pictures that were drawn after the epoch, [count, D] in [0, 1]. */
  after(record: EpochRecord, isLast: boolean, samples: Float32Array | undefined): void {
    for (const sign of signsOf(record, isLast, this.judged, samples && varianceOf(samples, this.values))) {
      if (this.said.has(sign.kind)) continue;
      this.said.add(sign.kind);
      note(warningOf(sign, this.config));
    }
  }
}
