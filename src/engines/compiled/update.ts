/** A program's update as statements for one position `i` of every section of the state. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import { sourceName, type Update } from '../../tensor/program.ts';
import { attributesOf, scalarValue, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import type { Dialect } from './dialect.ts';
import { C_TYPES, expressions, literal } from './expressions.ts';

export interface UpdateCode {
  /** The sections of the state that it reads and writes. Their pointers are called `section0`, `section1`, ... */
  readonly sections: readonly string[];
  /** The pointers as a function takes them, that to the `coefficients` last. */
  readonly arguments: string;
  readonly lines: readonly string[];
}

export function updateCode({ moments, coefficients, values }: Update, dialect: Dialect): UpdateCode {
  const sections = ['parameter', ...moments, 'gradient'];
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  for (const node of topologicalOrder(Object.values(values))) {
    const scalar = scalarValue(node);
    const name = scalar === undefined ? `v${names.size}` : literal(scalar, node.dtype, dialect);
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
    return expressions[node.primitive as PrimitiveOf<'elementwise'>].code(operands, node.dtype, dialect);
  }
  // All values are computed before any is stored.
  const stores = Object.entries(values).map(
    ([section, node]) => `section${sections.indexOf(section)}[i] = ${names.get(node)};`,
  );
  const pointers = sections.map(
    (section, i) => `${section === 'gradient' ? 'const ' : ''}float* __restrict__ section${i}`,
  );
  return {
    sections,
    arguments: [...pointers, 'const float* __restrict__ coefficients'].join(', '),
    lines: [...lines, ...stores],
  };
}
