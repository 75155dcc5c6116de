import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlatLayout } from '../../src/engines/flat-layout.ts';
import { sizeOf } from '../../src/tensor/shape.ts';

const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), { maxLength: 6 });
const moments = fc.uniqueArray(fc.constantFrom('first', 'second', 'third'));
const alignment = fc.constantFrom(1, 16, 64);

describe('a flat layout', () => {
  it('starts every tensor at a multiple of the alignment, and no two overlap', () => {
    fc.assert(
      fc.property(shapes, moments, alignment, (all, names, multiple) => {
        const layout = new FlatLayout(
          all.map((shape, i) => ({ name: `p${i}`, shape })),
          names,
          multiple,
        );
        expect(layout.sections).toEqual(['parameter', ...names, 'gradient']);
        let end = 0;
        for (const section of layout.sections) {
          expect(layout.sectionStart(section)).toBeGreaterThanOrEqual(end);
          for (const [i, shape] of all.entries()) {
            const start = layout.startOf(`p${i}`, section);
            expect(start % multiple).toBe(0);
            expect(start).toBeGreaterThanOrEqual(end);
            expect(start - end).toBeLessThan(multiple);
            end = start + sizeOf(shape);
          }
        }
        expect(layout.floats).toBeGreaterThanOrEqual(end);
      }),
    );
  });

  it('holds filters with their channels last, and gives them back as they were', () => {
    const layout = new FlatLayout([{ name: 'filter', shape: [1, 2, 1, 3] }], [], 1);
    const values = Float32Array.of(1, 2, 3, 10, 20, 30);
    const held = Float32Array.from(layout.asInMemory('filter', values));
    expect(held).toEqual(Float32Array.of(1, 10, 2, 20, 3, 30));
    expect(layout.asInProgram('filter', held)).toEqual(values);
  });
});
