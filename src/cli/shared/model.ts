/** Finds and loads the model that a command works on. */

import path from 'node:path';
import { protectSources } from '../../base/files.ts';
import type { ImageSet, ImageShape } from '../../data/dataset.ts';
import type { Engine, State } from '../../engines/engine.ts';
import { type Bound, BoundEvaluator } from '../../evaluation/bound.ts';
import { loadState, TrainedModel } from '../../inference/trained-model.ts';
import { createModel, type Model } from '../../programs/programs.ts';
import { type Checkpoint, readCheckpoint } from '../../runs/checkpoint.ts';
import { newestRun, openRun, type RunDirectory } from '../../runs/run-directory.ts';
import { openEngine } from './engine.ts';
import { type CheckpointOptions, defaultThreads, type ModelOptions, RUNS_FOLDER } from './options.ts';

export interface FoundCheckpoint {
  readonly file: string;
  readonly checkpoint: Checkpoint;
}

/** The run named, otherwise the newest. */
export const findRun = (run: string | undefined): RunDirectory =>
  run === undefined ? newestRun(RUNS_FOLDER) : openRun(run);

/**
 * The checkpoint named; otherwise the last one of the run named; otherwise the last one of the newest run.
 * @throws InputError if there is none, or it cannot be read.
 */
export function findCheckpoint({ run, checkpoint }: CheckpointOptions): FoundCheckpoint {
  const file = checkpoint ?? findRun(run).lastCheckpoint;
  return { file: path.normalize(file), checkpoint: readCheckpoint(file) };
}

/** A trained model, and what it runs on. */
export interface LoadedModel extends FoundCheckpoint {
  readonly engine: Engine;
  readonly model: Model;
  readonly state: State;
  readonly trained: TrainedModel;
  readonly imageShape: ImageShape;
  /** The number of latents. */
  readonly latent: number;
}

interface UseOptions extends ModelOptions {
  /** The file that the command will write. */
  readonly out?: string;
}

/**
 * Loads the model, works with it and releases it. It runs on the device named, by default on the one that it was trained
 * on. `inputs` are files that `out` must not replace, beside the checkpoint.
 */
export async function withModel<Result>(
  options: UseOptions,
  inputs: readonly string[],
  work: (loaded: LoadedModel) => Promise<Result>,
): Promise<Result> {
  const found = findCheckpoint(options);
  const { config, imageShape } = found.checkpoint;
  const engine = await openEngine(options.device ?? config.device, options.threads ?? defaultThreads());
  const model = createModel(config, imageShape);
  const state = loadState(engine, model, found.checkpoint, found.file);
  if (options.out !== undefined) protectSources(options.out, [found.file, ...inputs]);
  const trained = new TrainedModel(engine, model, state);
  try {
    return await work({ ...found, engine, model, state, trained, imageShape, latent: model.vae.latents });
  } finally {
    await trained.release();
  }
}

/** The bound at β = 1 on a set of images. */
export async function measureBound({ engine, state, model }: LoadedModel, set: ImageSet): Promise<Bound> {
  const evaluator = new BoundEvaluator(engine, state, model, set);
  try {
    return (await evaluator.measure())!;
  } finally {
    await evaluator.release();
  }
}
