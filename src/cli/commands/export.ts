/** vae export: a trained encoder and decoder as files that other programs open. */

import type { Command } from 'commander';
import { choice } from '../../base/rules.ts';
import type { ExportFormat } from '../../inference/export.ts';
import { checkedOption, type ModelOptions, pathOption, withCheckpointOptions } from '../options.ts';

/** Named here too, so that `--help` loads no model; the compiler sees that none is missing. */
const FORMATS: Readonly<Record<ExportFormat, string>> = {
  onnx: 'ONNX models',
  safetensors: 'weights alone',
  tfjs: 'TensorFlow.js graph models',
};

interface ExportOptions extends ModelOptions {
  readonly format: ExportFormat;
  readonly out: string;
  readonly force?: true;
}

export function registerExport(program: Command): void {
  const names = Object.keys(FORMATS);
  const command = program.command('export').description('write the encoder and the decoder for use in other programs');
  withCheckpointOptions(command)
    .addOption(checkedOption('--format <name>', names.join(', '), choice(names)).default('onnx'))
    .addOption(pathOption('--out <folder>', 'where to write them').default('export'))
    .option('--force', 'replace files of an earlier export')
    .action(exportModel);
}

async function exportModel({ format, out, force, ...options }: ExportOptions): Promise<void> {
  const path = await import('node:path');
  const { createReferenceEngine } = await import('../../engines/reference/index.ts');
  const { protectSources } = await import('../../base/files.ts');
  const { exporters, slots } = await import('../../inference/export.ts');
  const { loadState } = await import('../../inference/trained-model.ts');
  const { createModel } = await import('../../programs/programs.ts');
  const { version } = await import('../environment.ts');
  const { replaceExport } = await import('../export-files.ts');
  const { findCheckpoint } = await import('../model.ts');
  const { note, result } = await import('../terminal.ts');

  const { file, checkpoint } = findCheckpoint(options);
  const model = createModel(checkpoint.config, checkpoint.imageShape);
  const state = loadState(createReferenceEngine(), model, checkpoint, file);
  const exported = { model, state, progress: checkpoint.progress, version: version() };
  const files = exporters[format](exported);
  for (const slot of slots[format]) protectSources(path.join(out, slot), [file]);
  replaceExport(out, files, slots[format], force === true);
  for (const { name } of files) result(path.join(out, name));
  note(`${FORMATS[format]} of ${file}: pictures ${checkpoint.imageShape.join(' × ')}, ${model.config.latent} latents`);
}
