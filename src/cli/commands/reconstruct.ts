/** vae reconstruct: a user's picture, encoded and decoded. */

import type { Command } from 'commander';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import { drawGrid, interleave } from '../../report/grid.ts';
import { formatContract, klName, likelihoodContract, numberName, termsName } from '../../settings/contract.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { withModel } from '../shared/model.ts';
import {
  addModelOptions,
  checkedOption,
  type ModelOptions,
  pathOption,
  pictureOption,
  seedOption,
} from '../shared/options.ts';
import { fitFile } from '../shared/pictures.ts';
import { note, sentence } from '../shared/terminal.ts';
import { nats } from '../shared/words.ts';

/** Large enough to look at: there are only two pictures. */
const LARGE_SIDE = 224;

interface ReconstructOptions extends ModelOptions {
  readonly input: string;
  readonly out: string;
  readonly samples: number;
  readonly seed: number;
}

function define(command: Command): void {
  command
    .addOption(
      pathOption(
        '--input <file>',
        'a PNG, JPEG, WebP or other picture of any size, in grey or colour, dark on light or light on dark',
      ).makeOptionMandatory(),
    )
    .addOption(pictureOption('reconstruction.png'))
    .addOption(checkedOption('--samples <n>', 'average the bound over n samples of z', integer(1, 10_000)).default(100))
    .addOption(seedOption('random seed of the samples of z'));
  addModelOptions(command);
}

const reconstruct = (options: ReconstructOptions) =>
  withModel(options, [options.input], async ({ file, model, trained, imageShape }) => {
    const { input, out, samples, seed } = options;
    const { pixels, notes } = await fitFile(input, model);
    const found = await trained.reconstruct(pixels, samples, seed);
    writeFile(out, drawGrid(interleave(found.originals, found.pictures, model.vae.pixels), imageShape, 2, LARGE_SIDE));
    // Its own bound, with as many samples as are drawn here.
    const contract = likelihoodContract({ ...model.config, samples });
    const logLikelihood = found.logLikelihood[0];
    const [name, terms] = [numberName(model.config), termsName(model.config)];
    const about = { input, out, checkpoint: file, kind: contract.kind, contract, name, notes, logLikelihood };
    if (!objectives[model.config.objective].hasPrior) return about;
    return { ...about, terms, klName: klName(model.config), bound: found.bound[0], kl: found.kl[0], samples, seed };
  });

function print({
  input,
  out,
  contract,
  name,
  notes,
  logLikelihood,
  ...more
}: Awaited<ReturnType<typeof reconstruct>>): void {
  for (const line of notes) note(`${input}: ${line}`);
  note(formatContract(contract));
  if (!('bound' in more)) {
    sentence(`${out}: ${name} ${nats(logLikelihood)}`);
    return;
  }
  const { bound, kl, samples, seed } = more;
  const terms = `${more.terms} ${nats(logLikelihood)}, ${more.klName} ${nats(kl)}; ${counted(samples, 'sample')}, seed ${seed}`;
  sentence(`${out}: ${name} ${nats(bound)} nats (${terms})`);
}

export const command = defineCommand({ define, run: reconstruct, print });
