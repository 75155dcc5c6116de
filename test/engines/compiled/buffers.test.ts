/** Where intermediate values lie, of the steps that CUDA makes of networks. */

import { describe, expect, it } from 'vitest';
import type { Operand } from '../../../src/engines/compiled/arguments.ts';
import { planBuffers } from '../../../src/engines/compiled/buffers.ts';
import { type Schedule, type Step, schedule } from '../../../src/engines/cuda/schedule.ts';
import { convolutionalPrograms } from '../networks.ts';

const operandsOf = ({ operands }: Step): readonly Operand[] => operands;
const writtenBy = ({ written }: Step): readonly Operand[] => written;

describe('places of intermediate values', () => {
  const plans: readonly Schedule[] = convolutionalPrograms(3, 2).map(schedule);

  it.each(plans.map((plan) => [plan.name, plan] as const))('never overlap while both are needed: %s', (_, plan) => {
    const { offsets, bytes } = planBuffers(plan.steps, () => false);
    const places = [...offsets].map(([target, start]) => {
      const size = 4 * ('floats' in target ? target.floats : target.size);
      const uses = plan.steps.flatMap((step, i) => (operandsOf(step).includes(target) ? [i] : []));
      return { start, end: start + size, first: uses[0], last: uses.at(-1)! };
    });
    expect(places.length).toBeGreaterThan(5);
    for (const [i, a] of places.entries()) {
      for (const b of places.slice(i + 1)) {
        const together = a.first <= b.last && b.first <= a.last;
        expect(together && a.start < b.end && b.start < a.end).toBe(false);
      }
    }
    const sum = places.reduce((total, { start, end }) => total + end - start, 0);
    expect(bytes).toBeLessThan(sum);
  });

  it.each(plans.map((plan) => [plan.name, plan] as const))('are written before they are read: %s', (_, plan) => {
    const written = new Set<unknown>();
    for (const step of plan.steps) {
      for (const operand of step.operands) {
        const isComputed =
          operand !== 'call' &&
          !writtenBy(step).includes(operand) &&
          plan.steps.some((other) => writtenBy(other).includes(operand));
        if (isComputed) expect(written.has(operand)).toBe(true);
      }
      for (const target of step.written) {
        expect(written.has(target)).toBe(false);
        written.add(target);
      }
    }
  });
});
