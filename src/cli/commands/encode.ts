/** vae encode: the latent codes of images, as numbers and as a picture. */

import { type Command, Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { protectSources, writeFile } from '../../base/files.ts';
import { counted, printable } from '../../base/words.ts';
import type { Encoding } from '../../inference/trained-model.ts';
import { encodeCsv, type Names } from '../../report/csv.ts';
import { encodeNpy } from '../../report/npy.ts';
import { drawScatter } from '../../report/scatter.ts';
import { defineCommand } from '../shared/command.ts';
import { withPart } from '../shared/dataset.ts';
import { type LoadedModel, withModel } from '../shared/model.ts';
import {
  addModelOptions,
  addPartOptions,
  type ModelOptions,
  type PartOptions,
  pathOption,
  pictureFileOption,
} from '../shared/options.ts';
import { asSet, findPictures, readPictures } from '../shared/pictures.ts';
import { note, result } from '../shared/terminal.ts';

interface EncodeOptions extends ModelOptions, PartOptions {
  readonly out: string;
  readonly stddev?: true;
  readonly input?: readonly string[];
  readonly scatter?: string;
  readonly json?: true;
}

/** Stands for stdout as a file's name. */
const STDOUT = '-';

function define(command: Command): void {
  command
    .addOption(pathOption('--out <file>', 'the .csv or .npy file to write; - prints CSV').makeOptionMandatory())
    .option('--stddev', "also write the posterior's standard deviations")
    .addOption(
      new Option(
        '--input <paths...>',
        'encode these pictures, or the pictures in these folders, instead of the dataset',
      ).conflicts(['split', 'dataDir']),
    )
    .addOption(pictureFileOption('--scatter <file>', 'also draw the codes as a PNG, coloured by class'));
  addPartOptions(addModelOptions(command));
}

async function encode(options: EncodeOptions) {
  const { out, stddev, scatter, json } = options;
  if (out !== STDOUT && !isNpy(out) && !/\.csv$/i.test(out)) {
    throw new ConfigError(`--out ${out}: expected a name that ends in .csv or .npy, or - for stdout`);
  }
  if (out === STDOUT && json) throw new ConfigError('--out - prints CSV, not JSON; name a file, or leave out --json');
  return withModel(options, [], async (loaded) => {
    const { file, latent } = loaded;
    if (scatter !== undefined && latent < 2) {
      throw new ConfigError(`--scatter needs at least two latents; the model of ${file} has one`);
    }
    const encoded = await encodeImages(loaded, options);
    const { mean, stddev: deviations } = encoded.encoding;
    if (stddev && deviations === undefined) {
      throw new ConfigError(`--stddev works only with a normal posterior; the model of ${file} has none`);
    }
    const groups = { mean, ...(stddev && deviations && { stddev: deviations }) };
    const { files, csv } = writeLatents(out, groups, encoded, latent);
    if (scatter !== undefined) {
      writeFile(scatter, drawCodes(encoded, latent));
      files.push(scatter);
    }
    return { out: files, images: encoded.count, latents: latent, checkpoint: file, csv };
  });
}

function print({ out, images, latents, checkpoint, csv }: Awaited<ReturnType<typeof encode>>): void {
  const line = `${out.join(', ')}: ${counted(images, 'image')}, ${counted(latents, 'latent')}; ${checkpoint}`;
  if (csv === undefined) {
    result(line);
    return;
  }
  result(csv.trimEnd());
  if (out.length > 0) note(line);
}

const isNpy = (file: string): boolean => /\.npy$/i.test(file);

/** `latents-labels.npy` for `latents.npy`. */
const beside = (file: string, what: string): string => file.replace(/(\.npy)$/i, `-${what}$1`);

interface Encoded {
  readonly encoding: Encoding;
  readonly count: number;
  /** The images in a few words, for a title. */
  readonly what: string;
  /** The pictures' names; none of a known dataset's. */
  readonly files: readonly string[];
  readonly labels?: Uint8Array;
  /** What the labels mean. */
  readonly classes?: readonly string[];
}

/** Encodes the user's pictures, or a part of the dataset, after checking that no output replaces an input. */
async function encodeImages(loaded: LoadedModel, options: EncodeOptions): Promise<Encoded> {
  const { file, model, trained } = loaded;
  const { out, scatter, split, limit, input } = options;
  const protect = (files: readonly string[]): void => {
    const targets = isNpy(out) ? [out, beside(out, 'labels'), beside(out, 'stddev')] : [out];
    for (const target of targets) protectSources(target, [file, ...files]);
    if (scatter !== undefined) protectSources(scatter, [file, ...files, ...targets], 'scatter');
  };
  if (input !== undefined) {
    const found = findPictures(input).slice(0, limit);
    protect(found.map(({ name }) => name));
    const { pixels, names } = await readPictures(found, model);
    const set = asSet(pixels, model.vae.pixels);
    return { encoding: await trained.encode(set), count: set.count, what: 'pictures', files: names };
  }
  return withPart(loaded, options, async ({ set, classes }) => {
    protect([]);
    const what = `${split === 'train' ? 'training' : split} images`;
    const files = (set.files ?? []).map(({ name }) => printable(name));
    const labelled = classes.length > 0 && { labels: set.labels, classes };
    return { encoding: await trained.encode(set), count: set.count, what, files, ...labelled };
  });
}

/** Writes the numbers in the format that the file's name asks for; CSV for stdout is returned. */
function writeLatents(
  out: string,
  groups: { readonly mean: Float32Array; readonly stddev?: Float32Array },
  encoded: Encoded,
  latent: number,
): { files: string[]; csv?: string } {
  const { labels, count } = encoded;
  if (isNpy(out)) {
    const arrays = [
      { name: out, content: encodeNpy(groups.mean, [count, latent]) },
      ...(labels ? [{ name: beside(out, 'labels'), content: encodeNpy(labels, [count]) }] : []),
      ...(groups.stddev ? [{ name: beside(out, 'stddev'), content: encodeNpy(groups.stddev, [count, latent]) }] : []),
    ];
    for (const { name, content } of arrays) writeFile(name, content);
    return { files: arrays.map(({ name }) => name) };
  }
  const csv = encodeCsv(namesOf(encoded), groups);
  if (out === STDOUT) return { files: [], csv };
  writeFile(out, csv);
  return { files: [out] };
}

/** What is known of each image: its label, what that means if it is more than a number, and its file. */
function namesOf({ files, labels, classes = [] }: Encoded): Names[] {
  const meaning = classes.some((name, label) => name !== String(label)) ? classes : undefined;
  return [
    ...(labels ? [{ heading: 'label', values: labels }] : []),
    ...(labels && meaning ? [{ heading: 'class', values: Array.from(labels, (label) => meaning[label]) }] : []),
    ...(files.length > 0 || !labels ? [{ heading: 'file', values: files }] : []),
  ];
}

function drawCodes({ encoding, count, what, labels, classes }: Encoded, dimensions: number): Buffer {
  const title = `Latent means of ${count} ${what}`;
  const axisLabels = ['latent 0', 'latent 1'] as const;
  return drawScatter({
    title,
    axisLabels,
    points: encoding.mean,
    dimensions,
    ...(labels && { labels, ...(classes && { names: classes }) }),
  });
}

export const command = defineCommand({ define, run: encode, print });
