/** A program that is cut gives what it gives whole, and what is cut is small. */

import { describe, expect, it } from 'vitest';
import { piecesOf } from '../../src/engines/onnx/pieces.ts';
import { evaluate, type Values } from '../../src/engines/reference/kernels.ts';
import type { Source } from '../../src/tensor/primitives.ts';
import { type Program, rootsOf, sourceName } from '../../src/tensor/program.ts';
import { argument, parameter, type Tensor, topologicalOrder } from '../../src/tensor/tensor.ts';
import { verify } from '../../src/tensor/verify.ts';
import { trainingProgram } from './conformance.ts';
import { convolutionalPrograms } from './networks.ts';

const computing = (program: Program): Tensor[] =>
  topologicalOrder(rootsOf(program)).filter(({ inputs }) => inputs.length > 0);

const madeUp = (source: Source, { size, dtype }: Tensor): Values =>
  Float64Array.from({ length: size }, (_, i) => (dtype === 'float' ? Math.sin(i + sourceName(source).length) : i % 2));

/** Every output and gradient, by its name. */
function run(program: Program, given: ReadonlyMap<string, Values>): Map<string, Values> {
  const known = (source: Source, node: Tensor) =>
    (source.kind === 'argument' ? given.get(source.name) : undefined) ?? madeUp(source, node);
  const values = evaluate(topologicalOrder(rootsOf(program)), known);
  const named = [
    ...Object.entries(program.outputs),
    ...Object.entries(program.gradients).map(([name, node]) => [`gradient of ${name}`, node] as const),
  ];
  return new Map(named.map(([name, node]) => [name, values.get(node)!]));
}

describe.each([...convolutionalPrograms(2, 2), trainingProgram()].map((program) => [program.name, program] as const))(
  '%s',
  (_, program) => {
    it.each([1, 7, 50])('gives in pieces of %i what it gives whole', (size) => {
      const { programs, handed } = piecesOf(program, 0, size);
      const found = new Map<string, Values>();
      for (const piece of programs) {
        verify(piece);
        expect(computing(piece).length).toBeLessThanOrEqual(size);
        for (const [name, values] of run(piece, found)) found.set(name, values);
      }
      for (const { name } of handed) expect(found.delete(name)).toBe(true);
      const whole = run(program, new Map());
      expect(programs.length).toBe(Math.ceil(computing(program).length / size));
      expect(new Set(found.keys())).toEqual(new Set(whole.keys()));
      for (const [name, values] of whole) expect(found.get(name)).toEqual(values);
    });
  },
);

it('a program of 8,000 nodes stays whole, one of more is cut into pieces of 2,000 at most', () => {
  const chain = (length: number): Program => {
    let x = argument('x', [2]);
    for (let i = 0; i < length; i++) x = x.mul(parameter(`w${i}`, [2]));
    return { name: 'chain', outputs: { x }, gradients: {} };
  };
  expect(piecesOf(chain(8000)).programs).toHaveLength(1);
  const { programs, handed } = piecesOf(chain(8001));
  expect(programs.map((piece) => computing(piece).length)).toEqual([2000, 2000, 2000, 2000, 1]);
  expect(handed).toHaveLength(4);
});
