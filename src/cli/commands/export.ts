/** vae export: a trained encoder and decoder as files that other programs open. */

import path from 'node:path';
import type { Command } from 'commander';
import { protectSources } from '../../base/files.ts';
import { choice } from '../../base/rules.ts';
import { createReferenceEngine } from '../../engines/reference/index.ts';
import { type ExportFormat, exporters, slots } from '../../inference/export.ts';
import { loadState } from '../../inference/trained-model.ts';
import { createModel } from '../../programs/programs.ts';
import { defineCommand } from '../shared/command.ts';
import { version } from '../shared/environment.ts';
import { findCheckpoint } from '../shared/model.ts';
import { addCheckpointOptions, type CheckpointOptions, checkedOption, pathOption } from '../shared/options.ts';
import { replaceFiles } from '../shared/replace-files.ts';
import { note, result } from '../shared/terminal.ts';

const FORMATS: Readonly<Record<ExportFormat, string>> = {
  onnx: 'ONNX models',
  safetensors: 'weights alone',
  tfjs: 'TensorFlow.js graph models',
};

interface ExportOptions extends CheckpointOptions {
  readonly format: ExportFormat;
  readonly out: string;
  readonly force?: boolean;
}

function define(command: Command): void {
  const formats = Object.entries(FORMATS).map(([name, what]) => `${name} (${what})`);
  command
    .addOption(checkedOption('--format <name>', formats.join(', '), choice(Object.keys(FORMATS))).default('onnx'))
    .addOption(pathOption('--out <folder>', 'the folder to write them into').default('export'))
    .option('--force', 'replace the files of an earlier export');
  addCheckpointOptions(command);
}

async function exportModel({ format, out, force = false, ...options }: ExportOptions) {
  const { file, checkpoint } = findCheckpoint(options);
  const { config, imageShape, progress } = checkpoint;
  const model = createModel(config, imageShape);
  const state = loadState(createReferenceEngine(), model, checkpoint, file);
  const files = exporters[format]({ model, state, progress, version: version() });
  for (const slot of slots[format]) protectSources(path.join(out, slot), [file]);
  replaceFiles(out, files, slots[format], force);
  const written = files.map(({ name }) => path.join(out, name));
  return { out: written, format, imageShape, latents: model.vae.latents, checkpoint: file };
}

function print({ out, format, imageShape, latents, checkpoint }: Awaited<ReturnType<typeof exportModel>>): void {
  for (const file of out) result(file);
  note(`${FORMATS[format]} of ${checkpoint}: pictures ${imageShape.join(' × ')}, ${latents} latents`);
}

export const command = defineCommand({ define, run: exportModel, print });
