/** vae encode: where images lie in the latent space, as numbers and as a picture. */

import { type Command, Option } from 'commander';
import { choice, integer } from '../../base/rules.ts';
import type { ImageSet } from '../../data/dataset.ts';
import type { Model } from '../../programs/programs.ts';
import {
  checkedOption,
  type ModelOptions,
  numberOption,
  pathOption,
  SPLITS,
  type Split,
  withModelOptions,
} from '../options.ts';

interface EncodeOptions extends ModelOptions {
  readonly out: string;
  readonly stddev?: true;
  readonly split: Split;
  readonly limit?: number;
  readonly input?: readonly string[];
  readonly dataDir?: string;
  readonly scatter?: string;
}

/** Stands for stdout as a file's name. */
const STDOUT = '-';

export function registerEncode(program: Command): void {
  const command = program.command('encode').description('write the latent means of images as CSV or for NumPy');
  withModelOptions(command)
    .addOption(pathOption('--out <file>', 'a .csv or .npy to write; - prints CSV').makeOptionMandatory())
    .option('--stddev', "write the posterior's standard deviations too")
    .addOption(checkedOption('--split <name>', SPLITS.join(', '), choice(SPLITS)).default('test'))
    .addOption(numberOption('--limit <n>', 'use only the first n images', integer(1)))
    .addOption(
      new Option('--input <paths...>', 'pictures, or folders of them, instead').conflicts(['split', 'dataDir']),
    )
    .addOption(pathOption('--data-dir <folder>', 'read the data from here (default: where it was read in training)'))
    .addOption(pathOption('--scatter <file>', 'draw the means as a PNG, coloured by label'))
    .action(encode);
}

async function encode({ out, stddev, scatter, ...options }: EncodeOptions): Promise<void> {
  const { ConfigError } = await import('../../base/errors.ts');
  const { loadModel } = await import('../model.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { result, note } = await import('../terminal.ts');

  if (out !== STDOUT && !isNpy(out) && !/\.csv$/i.test(out)) {
    throw new ConfigError(`--out ${out}: expected a name that ends in .csv or .npy, or - for stdout`);
  }
  const { file, model, trained } = await loadModel(options);
  const { latent } = model.config;
  if (scatter !== undefined && latent < 2) {
    throw new ConfigError(`--scatter needs at least two latents; the model of ${file} has one`);
  }
  const images = await loadImages(model, file, options);
  const targets = isNpy(out) ? [out, beside(out, 'labels'), beside(out, 'stddev')] : [out];
  const sources = [file, ...images.files];
  for (const target of targets) protectSources(target, sources);
  if (scatter !== undefined) protectSources(scatter, [...sources, ...targets], 'scatter');

  const encoding = await trained.encode(images.set);
  await trained.release();
  const count = encoding.mean.length / latent;
  const summary = `${count} image${count === 1 ? '' : 's'}, ${latent} latent${latent === 1 ? '' : 's'}; ${file}`;
  if (stddev && encoding.stddev === undefined) {
    throw new ConfigError(
      `--stddev: only a normal posterior has standard deviations of its latents; that of ${file} is none`,
    );
  }
  const groups = { mean: encoding.mean, ...(stddev && encoding.stddev && { stddev: encoding.stddev }) };
  const written = await writeLatents(out, groups, images, [count, latent]);
  if (scatter !== undefined) {
    const { drawScatter } = await import('../../report/scatter.ts');
    const title = `Latent means of ${count} ${images.what}`;
    const axisLabels = ['latent 0', 'latent 1'] as const;
    const { labels } = images;
    const points = { points: encoding.mean, dimensions: latent, ...(labels && { labels }) };
    writeFile(scatter, drawScatter({ title, axisLabels, ...points }));
    written.push(scatter);
  }
  const line = `${written.join(', ')}: ${summary}`;
  if (out !== STDOUT) result(line);
  else if (written.length > 0) note(line);
}

const isNpy = (file: string): boolean => /\.npy$/i.test(file);

/** `latents-labels.npy` for `latents.npy`. */
const beside = (file: string, what: string): string => file.replace(/(\.npy)$/i, `-${what}$1`);

interface Images {
  readonly set: ImageSet;
  /** In a few words, for a title. */
  readonly what: string;
  /** A user's own, which have no labels. */
  readonly files: readonly string[];
  readonly labels?: Uint8Array;
}

async function loadImages(model: Model, file: string, options: Partial<EncodeOptions>): Promise<Images> {
  const { asSet, findPictures, readPictures } = await import('../pictures.ts');
  const { loadPart } = await import('../dataset.ts');
  const { split = 'test', limit, input, dataDir } = options;
  if (input !== undefined) {
    const files = findPictures(input).slice(0, limit);
    return { set: asSet(await readPictures(files, model), model.vae.pixels), what: 'pictures', files };
  }
  const { set } = await loadPart(file, model, { split, ...(limit && { limit }), ...(dataDir && { dataDir }) });
  return { set, what: `${split === 'train' ? 'training' : split} images`, files: [], labels: set.labels };
}

/** Writes the numbers as the name of the file asks for, and returns the files that there are now. */
async function writeLatents(
  out: string,
  groups: { readonly mean: Float32Array; readonly stddev?: Float32Array },
  { files, labels }: Images,
  shape: readonly [number, number],
): Promise<string[]> {
  const { encodeCsv } = await import('../../report/csv.ts');
  const { encodeNpy } = await import('../../report/npy.ts');
  const { writeFile } = await import('../../base/files.ts');
  const { result } = await import('../terminal.ts');
  if (isNpy(out)) {
    const arrays = [
      { name: out, content: encodeNpy(groups.mean, shape) },
      ...(labels ? [{ name: beside(out, 'labels'), content: encodeNpy(labels, [shape[0]]) }] : []),
      ...(groups.stddev ? [{ name: beside(out, 'stddev'), content: encodeNpy(groups.stddev, shape) }] : []),
    ];
    for (const { name, content } of arrays) writeFile(name, content);
    return arrays.map(({ name }) => name);
  }
  const names = labels ? { heading: 'label', values: labels } : { heading: 'file', values: files };
  const csv = encodeCsv(names, groups);
  if (out === STDOUT) {
    result(csv.trimEnd());
    return [];
  }
  writeFile(out, csv);
  return [out];
}
