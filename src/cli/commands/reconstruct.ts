/** vae reconstruct: a user's picture, encoded and decoded. */

import type { Command } from 'commander';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import { TrainedModel } from '../../inference/trained-model.ts';
import { createModel } from '../../programs/programs.ts';
import { drawGrid, interleave } from '../../report/grid.ts';
import { formatContract, klName, likelihoodContract, numberName, termsName } from '../../settings/contract.ts';
import { latentsFor } from '../../vae/latent-map.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { type LoadedModel, withModel } from '../shared/model.ts';
import {
  addModelOptions,
  checkedOption,
  type ModelOptions,
  pathOption,
  pictureOption,
  seedOption,
} from '../shared/options.ts';
import { fitFile, readAtOwnSize } from '../shared/pictures.ts';
import { note, sentence } from '../shared/terminal.ts';
import { nats } from '../shared/words.ts';

/** Large enough to look at: there are only two pictures. */
const LARGE_SIDE = 224;

const SAMPLES = 100;
/** A picture at its own size may be a photograph of millions of pixels, and has latents enough to average over. */
const SAMPLES_AT_OWN_SIZE = 1;

interface ReconstructOptions extends ModelOptions {
  readonly input: string;
  readonly out: string;
  readonly samples?: number;
  readonly seed: number;
  readonly ownSize?: boolean;
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
    .option('--own-size', 'do not scale the picture; works with a model that has a map of latents')
    .addOption(
      checkedOption(
        '--samples <n>',
        `average the bound over n samples of z (default: ${SAMPLES}; with --own-size: ${SAMPLES_AT_OWN_SIZE})`,
        integer(1, 10_000),
      ),
    )
    .addOption(seedOption('random seed of the samples of z'));
  addModelOptions(command);
}

const reconstruct = (options: ReconstructOptions) =>
  withModel(options, [options.input], async (loaded) => {
    const { input, out, seed, ownSize, samples = ownSize ? SAMPLES_AT_OWN_SIZE : SAMPLES } = options;
    const { file, model } = loaded;
    const { fitted, trained, release } = await given(loaded, options);
    const { pixels, notes } = fitted;
    const { imageShape } = trained.model.vae.config;
    const found = await trained.reconstruct(pixels, samples, seed).finally(release);
    writeFile(out, drawGrid(interleave(found.originals, found.pictures, pixels.length), imageShape, 2, LARGE_SIDE));
    // Its own bound, with as many samples as are drawn here.
    const contract = likelihoodContract({ ...model.config, samples });
    const logLikelihood = found.logLikelihood[0];
    const [name, terms] = [numberName(model.config), termsName(model.config)];
    const about = { input, out, checkpoint: file, kind: contract.kind, contract, name, notes, logLikelihood };
    if (!objectives[model.config.objective].hasPrior) return about;
    return { ...about, terms, klName: klName(model.config), bound: found.bound[0], kl: found.kl[0], samples, seed };
  });

/** The picture as the model takes it, and the model, which may be of images of the picture's own size. */
async function given({ engine, state, model, trained }: LoadedModel, { input, ownSize }: ReconstructOptions) {
  if (!ownSize) return { fitted: await fitFile(input, model), trained, release: async () => {} };
  const { fitted, imageShape } = await readAtOwnSize(input, model);
  const { config, vae } = model;
  const latent = latentsFor(config.latent, vae.config.imageShape, imageShape, config.kernel);
  const resized = new TrainedModel(engine, createModel({ ...config, latent }, imageShape), state);
  return { fitted, trained: resized, release: () => resized.release() };
}

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
