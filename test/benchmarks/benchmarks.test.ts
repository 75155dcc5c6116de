import { describe, expect, it } from 'vitest';
import { benchmarkProgram } from '../../src/benchmarks/benchmark.ts';
import { benchmarks } from '../../src/benchmarks/benchmarks.ts';
import { AVERAGE } from '../../src/nn/averaging.ts';
import { choicesFor } from '../../src/settings/by-data.ts';

describe('the benchmarks of photographs', () => {
  it.each([
    ['photo', 32, {}],
    ['photo-64', 64, {}],
    ['ladder', 32, { model: 'ladder' }],
  ] as const)('%s: what the rule chooses', (name, side, said) => {
    const { batch, config } = benchmarks[name];
    const choices = choicesFor({ images: 20_000, imageShape: [3, side, side], fit: 'photo' }, said);
    const values = Object.entries(choices).map(([setting, choice]) => [setting, choice.value]);
    expect(config).toMatchObject(Object.fromEntries(values));
    expect(batch).toBe(choices.batchSize?.value);
  });

  it('keep the average of the weights', () => {
    expect(benchmarkProgram('photo').update?.moments).toContain(AVERAGE);
    expect(benchmarkProgram('dense').update?.moments).not.toContain(AVERAGE);
  });
});
