/** Programs that open exported files and run them: none of them is ours. */

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';

import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect } from 'vitest';
import type { NumericArray } from '../../src/tensor/primitives.ts';

// Without its advice to install another backend.
tf.enableProdMode();

export interface Value {
  readonly values: NumericArray;
  readonly shape: readonly number[];
}

/** `model.onnx`, or `model.json` and its weights. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Runs a model: inputs by their names to outputs by theirs. */
export type Run = (inputs: Readonly<Record<string, Value>>) => Promise<Readonly<Record<string, Value>>>;

interface Runtime {
  readonly format: 'onnx' | 'tfjs';
  readonly open: (files: Files) => Promise<Run>;
}

async function openOnnx(files: Files): Promise<Run> {
  const session = await InferenceSession.create(files.get('model.onnx')!, { logSeverityLevel: 4 });
  const wrap = ({ values, shape }: Value): Tensor =>
    values instanceof Int32Array
      ? new Tensor('int32', values, shape)
      : values instanceof Uint8Array
        ? new Tensor('uint8', values, shape)
        : new Tensor('float32', Float32Array.from(values), shape);
  return async (inputs) => {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, wrap(value)]));
    const results = Object.entries(await session.run(feeds));
    return Object.fromEntries(
      results.map(([name, { data, dims }]) => [name, { values: data as Float32Array, shape: dims }]),
    );
  };
}

/** From memory, as `loadGraphModel` gets it from a URL. */
function ioHandler(files: Files): tf.io.IOHandler {
  const json = JSON.parse(Buffer.from(files.get('model.json')!).toString());
  const [{ paths, weights }] = json.weightsManifest;
  const weightData = new Uint8Array(Buffer.concat(paths.map((name: string) => files.get(name)!))).buffer;
  return tf.io.fromMemory({ ...json, weightSpecs: weights, weightData });
}

const openTfjs =
  (backend: string) =>
  async (files: Files): Promise<Run> => {
    expect(await tf.setBackend(backend)).toBe(true);
    const model = await loadGraphModel(ioHandler(files));
    const names = Object.keys((model.modelSignature as { readonly outputs: object }).outputs);
    const wrap = ({ values, shape }: Value): tf.Tensor =>
      values instanceof Float64Array || values instanceof Float32Array
        ? tf.tensor(Float32Array.from(values), [...shape], 'float32')
        : tf.tensor(Int32Array.from(values), [...shape], 'int32');
    return async (inputs) => {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, wrap(value)]));
      const results = [model.execute(feeds, names)].flat();
      return Object.fromEntries(
        results.map((tensor, i) => [names[i], { values: tensor.dataSync() as Float32Array, shape: tensor.shape }]),
      );
    };
  };

export const runtimes: Readonly<Record<string, Runtime>> = {
  onnxruntime: { format: 'onnx', open: openOnnx },
  'the cpu backend of TensorFlow.js': { format: 'tfjs', open: openTfjs('cpu') },
  'the wasm backend of TensorFlow.js': { format: 'tfjs', open: openTfjs('wasm') },
};
