/** A row of a registry carries its own facts: nothing else asks for it by name. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { binarisations } from '../../src/data/binarise.ts';
import { datasets } from '../../src/data/index.ts';
import { engines } from '../../src/engines/index.ts';
import { activations } from '../../src/nn/activations.ts';
import { optimisers } from '../../src/nn/optimisers.ts';
import { initializers } from '../../src/nn/parameter.ts';
import { schedules } from '../../src/nn/schedules.ts';
import { presets } from '../../src/settings/presets.ts';
import { scaleParametrisations } from '../../src/vae/distributions/normal.ts';
import { likelihoods } from '../../src/vae/likelihoods/index.ts';
import { RANGES } from '../../src/vae/likelihoods/likelihood.ts';
import { networks } from '../../src/vae/networks/index.ts';
import { estimators } from '../../src/vae/objectives/estimators.ts';
import { objectives } from '../../src/vae/objectives/index.ts';
import { posteriors } from '../../src/vae/posteriors/index.ts';

const REGISTRIES = {
  binarisations,
  datasets,
  engines,
  activations,
  optimisers,
  initializers,
  schedules,
  presets,
  scaleParametrisations,
  likelihoods,
  RANGES,
  networks,
  estimators,
  objectives,
  posteriors,
};
const names = new Set(Object.values(REGISTRIES).flatMap((registry) => Object.keys(registry)));

/** Primitives, kinds of noise and kinds of records have some of the same names, and are told by these. */
const OTHER_FIELDS = /\b(primitive|kind)$/;

/** `objective === 'autoencoder'`, and the like. */
const comparisonsIn = (code: string): string[] =>
  [...code.matchAll(/([\w.]+) [!=]==? '([\w:-]+)'/g)]
    .filter(([, left, name]) => names.has(name) && !OTHER_FIELDS.test(left))
    .map(([comparison]) => comparison);

describe('names of rows', () => {
  it('are found where they are compared', () => {
    expect(comparisonsIn("if (config.objective === 'autoencoder' || likelihood !== 'normal') x();")).toHaveLength(2);
    expect(comparisonsIn("if (node.primitive === 'constant' || record.kind === 'step') x();")).toEqual([]);
  });

  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    it(`are compared nowhere in ${file}`, () => {
      expect(comparisonsIn(readFileSync(path.join('src', file), 'utf8'))).toEqual([]);
    });
  }
});
