/** Exported models compute in other runtimes what they compute here, for any batch. */

import { describe, expect, it } from 'vitest';
import { type Exported, exporters } from '../../src/inference/export.ts';
import { type Files, type Run, runtimes } from '../engines/runtimes.ts';
import { exampleInputs, expectedOutputs, exportedModel, KINDS } from './exported.ts';

type Part = 'encoder' | 'decoder';

/** The files of one part, by their names inside it. */
function filesOf(format: 'onnx' | 'tfjs', exported: Exported, part: Part): Files {
  const own = exporters[format](exported).filter(({ name }) => name.startsWith(part));
  return new Map(own.map(({ name, content }) => [name.replace(`${part}/`, '').replace(part, 'model'), content]));
}

/** Runs both parts on examples of a batch, and compares names, shapes and values with ours. */
async function expectOurs(exported: Exported, run: Readonly<Record<Part, Run>>, batch: number): Promise<void> {
  const { latents: latent } = exported.model.vae;
  const { imageShape } = exported.model.vae.config;
  const { pictures, latents } = exampleInputs(exported, batch);
  const expected = await expectedOutputs(exported, batch);
  const found = {
    encoder: await run.encoder({ pictures: { values: pictures, shape: [batch, ...imageShape] } }),
    decoder: await run.decoder({ latents: { values: latents, shape: [batch, latent] } }),
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

for (const [runtime, { format, open }] of Object.entries(runtimes)) {
  describe(`in ${runtime}, any batch gives what it gives here:`, () => {
    for (const [name, kind] of Object.entries(KINDS)) {
      it(name, async () => {
        const exported = exportedModel(kind);
        const run = {
          encoder: await open(filesOf(format, exported, 'encoder')),
          decoder: await open(filesOf(format, exported, 'decoder')),
        };
        for (const batch of [1, 5]) await expectOurs(exported, run, batch);
      });
    }
  });
}
