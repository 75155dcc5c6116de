/** Exported models compute in other runtimes what they compute here, for any batch. */

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';

import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { type Exported, type ExportFormat, exporters } from '../../src/training/export.ts';
import { exampleInputs, expectedOutputs, exportedModel, KINDS, type Run } from './exported.ts';

type Part = 'encoder' | 'decoder';
type Open = (files: ReadonlyMap<string, Uint8Array>, part: Part) => Promise<Run>;

const openOnnx: Open = async (files, part) => {
  const session = await InferenceSession.create(files.get(`${part}.onnx`)!, { logSeverityLevel: 4 });
  return async (values, shape) => {
    const results = await session.run({ [session.inputNames[0]]: new Tensor('float32', values, shape) });
    return Object.fromEntries(
      session.outputNames.map((name) => [
        name,
        { values: results[name].data as Float32Array, shape: results[name].dims },
      ]),
    );
  };
};

/** From memory, as `loadGraphModel` gets it from a URL. */
function ioHandler(files: ReadonlyMap<string, Uint8Array>, part: Part): tf.io.IOHandler {
  const json = JSON.parse(Buffer.from(files.get(`${part}/model.json`)!).toString());
  const shards = json.weightsManifest[0].paths.map((name: string) => files.get(`${part}/${name}`)!);
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  return tf.io.fromMemory({ ...json, weightSpecs: json.weightsManifest[0].weights, weightData });
}

const openTfjs =
  (backend: string): Open =>
  async (files, part) => {
    expect(await tf.setBackend(backend)).toBe(true);
    const model = await loadGraphModel(ioHandler(files, part));
    const names = Object.keys((model.modelSignature as { readonly outputs: object }).outputs);
    return async (values, shape) => {
      const results = [model.execute(tf.tensor(values, [...shape]), names)].flat();
      return Object.fromEntries(
        results.map((tensor, i) => [names[i], { values: tensor.dataSync() as Float32Array, shape: tensor.shape }]),
      );
    };
  };

const runtimes: Readonly<Record<string, readonly [format: ExportFormat, open: Open]>> = {
  onnxruntime: ['onnx', openOnnx],
  'the cpu backend of TensorFlow.js': ['tfjs', openTfjs('cpu')],
  'the wasm backend of TensorFlow.js': ['tfjs', openTfjs('wasm')],
};

const filesOf = (format: ExportFormat, exported: Exported): ReadonlyMap<string, Uint8Array> =>
  new Map(exporters[format](exported).map(({ name, content }) => [name, content]));

/** Runs both parts on examples of a batch, and compares names, shapes and values with ours. */
async function expectOurs(exported: Exported, open: (part: Part) => Promise<Run>, batch: number): Promise<void> {
  const { latent } = exported.model.config;
  const { imageShape } = exported.model.vae.config;
  const { pictures, latents } = exampleInputs(exported, batch);
  const expected = await expectedOutputs(exported, batch);
  const found = {
    encoder: await (await open('encoder'))(pictures, [batch, ...imageShape]),
    decoder: await (await open('decoder'))(latents, [batch, latent]),
  };
  for (const part of ['encoder', 'decoder'] as const) {
    expect(Object.keys(found[part]).sort()).toEqual(Object.keys(expected[part]).sort());
    for (const [name, values] of Object.entries(expected[part])) {
      const { values: other, shape } = found[part][name];
      expect(shape).toEqual([batch, ...(part === 'encoder' ? [latent] : imageShape)]);
      const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
      const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expect(error / size, `${part} ${name}`).toBeLessThan(1e-5);
      expect(other).toHaveLength(values.length);
    }
  }
}

for (const [runtime, [format, open]] of Object.entries(runtimes)) {
  describe(`in ${runtime}, any batch gives what it gives here:`, () => {
    for (const [name, kind] of Object.entries(KINDS)) {
      it(name, async () => {
        const exported = exportedModel(kind);
        const files = filesOf(format, exported);
        for (const batch of [1, 5]) await expectOurs(exported, (part) => open(files, part), batch);
      });
    }
  });
}
