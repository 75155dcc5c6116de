/** Finds and loads the model that a command works on. */

import path from 'node:path';
import { loadState, TrainedModel } from '../inference/trained-model.ts';
import { createModel } from '../programs/programs.ts';
import { type Checkpoint, readCheckpoint } from '../runs/checkpoint.ts';
import { newestRun, openRun } from '../runs/run-directory.ts';
import { openEngine } from './engine.ts';
import { defaultThreads, type ModelOptions, RUNS_FOLDER } from './options.ts';

export interface FoundCheckpoint {
  readonly file: string;
  readonly checkpoint: Checkpoint;
}

/**
 * The checkpoint named, or the last of the run named, or the last of the newest run.
 * @throws InputError if there is none, or it cannot be read.
 */
export function findCheckpoint({ run, checkpoint }: ModelOptions): FoundCheckpoint {
  const file = checkpoint ?? (run === undefined ? newestRun(RUNS_FOLDER) : openRun(run)).lastCheckpoint;
  return { file: path.normalize(file), checkpoint: readCheckpoint(file) };
}

/** The checkpoint's weights in the engine asked for; else in the one that it was trained with. */
export async function loadModel(options: ModelOptions) {
  const found = findCheckpoint(options);
  const { config, imageShape } = found.checkpoint;
  const engine = await openEngine(options.device ?? config.device, options.threads ?? defaultThreads());
  const model = createModel(config, imageShape);
  const state = loadState(engine, model, found.checkpoint, found.file);
  return { ...found, engine, model, state, trained: new TrainedModel(engine, model, state) };
}
