/** Every pass that rewrites programs leaves them whole. */

import { describe, expect, it } from 'vitest';
import { channelsLast } from '../../src/engines/channels-last/program.ts';
import { withShiftedLogSumExp } from '../../src/engines/onnx/shifted.ts';
import { kinds, type Primitive } from '../../src/tensor/primitives.ts';
import { applyUpdate, createProgram, type Program, rootsOf } from '../../src/tensor/program.ts';
import { simplify } from '../../src/tensor/simplify.ts';
import { argument, topologicalOrder } from '../../src/tensor/tensor.ts';
import { verify } from '../../src/tensor/verify.ts';
import { casesFor } from './cases.ts';
import { caseProgram, trainingProgram } from './conformance.ts';
import { adamLike, convolutionalPrograms, modelPrograms } from './networks.ts';

const programs: readonly Program[] = [
  ...Object.values(casesFor([3, 5, 2]))
    .flat()
    .map(caseProgram),
  ...convolutionalPrograms(1, 1),
  ...convolutionalPrograms(3, 2),
  ...modelPrograms(),
  trainingProgram(),
];

const simplified = (program: Program): Program => {
  const roots = simplify(rootsOf(program));
  return { ...program, outputs: Object.fromEntries(roots.map((root, i) => [`${i}`, root])), gradients: {} };
};

const passes: { readonly [name: string]: (program: Program) => Program } = {
  'making it': (program) => program,
  'simplifying it again': simplified,
  'moving channels last': channelsLast,
  'shifting its logSumExp': withShiftedLogSumExp,
  'shifting, then moving channels last': (program) => channelsLast(withShiftedLogSumExp(program)),
};

describe.each(Object.entries(passes))('a program is whole after %s', (_, pass) => {
  it.each(programs.map((program) => [program.name, program] as const))('%s', (_name, program) => {
    verify(pass(program));
  });
});

it('the programs use every primitive', () => {
  const used = new Set(programs.flatMap((program) => topologicalOrder(rootsOf(program)).map((node) => node.primitive)));
  // Simplification removes every stopGradient.
  const unused = (Object.keys(kinds) as Primitive[]).filter((primitive) => !used.has(primitive));
  expect(unused).toEqual(['stopGradient']);
});

it('an update is whole when it is applied to whole parameters', () => {
  const names = ['parameter', 'gradient', 'firstMoment', 'secondMoment'];
  const wholes = names.map((name) => [name, argument(name, [3, 4])]);
  const values = applyUpdate(adamLike, Object.fromEntries([...wholes, ['learningRate', argument('learningRate', [])]]));
  verify({ name: 'applied', outputs: values, gradients: {} });
  for (const { shape } of Object.values(values)) expect(shape).toEqual([3, 4]);
  verify(createProgram('simplified', values));
});
