/** A program's update as one kernel over flat memory: one thread for each position of all parameters. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import { sourceName, type Update } from '../../tensor/program.ts';
import { attributesOf, scalarValue, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import type { LaunchShape } from './device.ts';
import { C_TYPES, expressions, literal } from './expressions.ts';

export interface UpdateKernel {
  readonly name: string;
  readonly source: string;
  readonly shape: LaunchShape;
  /** Its arguments: sections of the state, then the coefficients. */
  readonly sections: readonly string[];
}

const THREADS = 256;

/** @param floats of one section of the state. */
export function updateKernel({ moments, coefficients, values }: Update, floats: number): UpdateKernel {
  const sections = ['parameter', ...moments, 'gradient'];
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  for (const node of topologicalOrder(Object.values(values))) {
    const scalar = scalarValue(node);
    const name = scalar === undefined ? `v${names.size}` : literal(scalar, node.dtype);
    if (scalar === undefined) lines.push(`const ${C_TYPES[node.dtype]} ${name} = ${codeOf(node, names)};`);
    names.set(node, name);
  }
  function codeOf(node: Tensor, known: ReadonlyMap<Tensor, string>): string {
    if (node.primitive === 'input') {
      const name = sourceName(attributesOf(node, 'input').source);
      const coefficient = coefficients.indexOf(name);
      return coefficient < 0 ? `section${sections.indexOf(name)}[i]` : `coefficients[${coefficient}]`;
    }
    const operands = node.inputs.map((operand) => known.get(operand)!);
    return expressions[node.primitive as PrimitiveOf<'elementwise'>].code(operands, node.dtype);
  }
  // All values are computed before any is stored.
  const stores = Object.entries(values).map(
    ([section, node]) => `section${sections.indexOf(section)}[i] = ${names.get(node)};`,
  );
  const args = sections.map((section, i) => `${section === 'gradient' ? 'const ' : ''}float* __restrict__ section${i}`);
  const source = [
    `extern "C" __global__ void __launch_bounds__(${THREADS}) update(${args.join(', ')}, const float* __restrict__ coefficients) {`,
    `  const int i = blockIdx.x * ${THREADS} + threadIdx.x;`,
    `  if (i >= ${floats}) return;`,
    ...[...lines, ...stores].map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
  return { name: 'update', source, shape: { blocks: Math.ceil(floats / THREADS), threads: THREADS }, sections };
}
