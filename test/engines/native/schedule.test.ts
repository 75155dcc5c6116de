/** What becomes one step in C, and how its loops lie. */

import { describe, expect, it } from 'vitest';
import { Affine } from '../../../src/engines/native/affine.ts';
import { schedule } from '../../../src/engines/native/schedule.ts';
import { createProgram } from '../../../src/tensor/program.ts';
import { argument, noise, parameter, type Tensor } from '../../../src/tensor/tensor.ts';

/** The steps of each phase, by what they are. */
const phases = (outputs: Record<string, Tensor>): string[][] =>
  schedule(createProgram('test', outputs), { rows: 6, columns: 16 }, 0).phases.map(({ steps }) =>
    steps.map(({ name }) => name.replace(/_[0-9a-f]+$/, '')),
  );

describe('a schedule', () => {
  it('computes what reads a product at its own position from its tiles', () => {
    const hidden = argument('x', [32, 40])
      .matmul(parameter('w', [40, 48]))
      .add(parameter('b', [48]))
      .elu();
    expect(phases({ hidden })).toEqual([['multiply']]);
  });

  it('packs a factor for all tasks where its rows are more than one task has', () => {
    const product = argument('x', [600, 40]).matmul(parameter('w', [40, 48]));
    expect(phases({ product })).toEqual([['pack'], ['multiply']]);
  });

  it('stores a product too where something reads it elsewhere', () => {
    const product = argument('x', [32, 40]).matmul(parameter('w', [40, 48]));
    expect(phases({ squared: product.square(), turned: product.transpose(1, 0) })).toEqual([['multiply'], ['map']]);
  });

  /** A norm over columns and what is around it: of 48 columns, or of as many as no task has whole rows of. */
  const norm = (columns: number): Record<string, Tensor> => {
    const product = argument('x', [32, 40]).matmul(parameter('w', [40, columns]));
    const centred = product.sub(product.mean(1, true));
    return { value: centred.div(centred.square().mean(1, true).add(1e-6).sqrt()).relu() };
  };

  it('computes norms from whole rows of a product', () => {
    expect(phases(norm(48))).toEqual([['multiply']]);
  });

  it('computes norms in one pass over rows where the product has no whole ones', () => {
    expect(phases(norm(400))).toEqual([['multiply'], ['rows']]);
  });

  it('folds columns on the way, and joins what the tasks have folded', () => {
    const product = argument('x', [32, 40])
      .matmul(parameter('w', [40, 48]))
      .relu();
    expect(phases({ product, sum: product.sum(0) })).toEqual([['multiply'], ['reduce_joined']]);
  });

  it('does not compute in a row what needs another row', () => {
    const product = argument('x', [32, 40]).matmul(parameter('w', [40, 48]));
    const shares = product.div(product.sum(0, true));
    expect(phases({ shares: shares.sum(1) }).flat()).toEqual(['multiply', 'reduce_joined', 'reduce']);
  });

  it('does not wait in a row for what needs that row by way of another', () => {
    const product = argument('x', [32, 40]).matmul(parameter('w', [40, 48]));
    const turned = product
      .transpose(1, 0)
      .matmul(argument('y', [32, 48]))
      .matmul(argument('z', [48, 48]));
    const kinds = phases({ both: product.relu().add(turned.slice(0, 0, 32)) }).flat();
    expect(kinds.filter((kind) => kind !== 'pack').at(0)).toMatch(/^multiply/);
    expect(kinds.at(-1)).toBe('map');
  });

  it('reads windows of images in the product, and stores no patches', () => {
    const value = argument('x', [2, 16, 8, 8]).convolve(parameter('f', [24, 16, 3, 3]), { padding: [1, 1] });
    // The image with its channels last, the filter in panels, and the result as the program has it.
    expect(phases({ value })).toEqual([['map'], ['multiply'], ['map']]);
  });

  it('draws noise before it is read, and reduces in the same phase what does not depend on each other', () => {
    const x = noise('n', { kind: 'uniform' }, [64, 32]);
    expect(phases({ rows: x.sum(1), columns: x.sum(0) })).toEqual([['draw'], ['reduce', 'reduce']]);
  });
});

describe('positions that are sums', () => {
  const affine = new Affine();
  affine.declare('a', 10);
  affine.declare('b', 7);
  affine.declare('c', 64);
  affine.note('i', 'a * 448 + b * 64 + c');

  it('are divided without a division where their parts are known to be small', () => {
    expect(affine.coordinate('i', 64, 7)).toBe('b');
    expect(affine.coordinate('i', 448)).toBe('a');
    expect(affine.coordinate('i', 1, 64)).toBe('c');
    expect(affine.coordinate('i', 64)).toBe('a * 7 + b');
  });

  it('are divided as a whole where they are not', () => {
    expect(affine.coordinate('i', 32, 14)).toBeUndefined();
    expect(affine.coordinate('i', 100)).toBeUndefined();
  });

  it('keep what was added to them', () => {
    affine.note('j', 'b - 1');
    affine.note('k', 'a * 448 + j * 64 + c');
    expect(affine.coordinate('k', 64)).toBe('a * 7 + b - 1');
  });
});
