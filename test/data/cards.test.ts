/** Every dataset says where it comes from. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { datasets } from '../../src/data/index.ts';

describe('the card', () => {
  for (const name of Object.keys(datasets)) {
    it(`of ${name} names its source, its licence, its classes and a publication`, () => {
      const card = JSON.parse(readFileSync(`data/${name}.json`, 'utf8'));
      for (const field of ['source', 'licence', 'citation']) expect(card[field], field).toEqual(expect.any(String));
      expect(card.classes.length).toBeGreaterThan(1);
    });
  }
});
