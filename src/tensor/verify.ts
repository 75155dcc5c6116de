/**
 * Verifies a program: whatever made or rewrote it, it must still be a graph of well-typed nodes. It knows nothing of
 * what the program computes.
 */

import type { NumericArray, Type } from './primitives.ts';
import { checkInputs, type Program, rootsOf, sourceName, type Update } from './program.ts';
import { formatShape, ShapeError, sameShape } from './shape.ts';
import { attributesOf, isOfKind, type NodeOf, Tensor, topologicalOrder } from './tensor.ts';
import { typeRules } from './type-rules.ts';

/**
 * Checks that every operand is a node, that no node depends on itself, that shapes and types are those of the type
 * rules, that an input has one type wherever it is used, that gradients fit their parameters, and that the update gives
 * every value it should from what it is given.
 * @throws ShapeError that names the first node that does not fit.
 */
export function verify(program: Program): void {
  verifyNodes(rootsOf(program), `program ${program.name}`);
  checkInputs(program);
  if (program.update !== undefined) verifyUpdate(program.update, `the update of program ${program.name}`);
}

function verifyNodes(roots: readonly Tensor[], where: string): void {
  verifyOperands(roots, where);
  const known = new Set<Tensor>();
  for (const node of topologicalOrder(roots)) {
    if (!node.inputs.every((operand) => known.has(operand))) fail(where, node, 'depends on itself');
    known.add(node);
    const expected = expectedType(node, where);
    if (expected.dtype !== node.dtype || !sameShape(expected.shape, node.shape)) {
      fail(where, node, `should be ${expected.dtype}${formatShape(expected.shape)}`);
    }
  }
}

/** Before anything walks the graph: a lost operand would end the walk with a message about nothing. */
function verifyOperands(roots: readonly Tensor[], where: string): void {
  const seen = new Set(roots);
  for (const node of seen) {
    if (!(node instanceof Tensor)) throw new ShapeError(`${where}: a result is ${node}, which is no tensor`);
    for (const operand of node.inputs) {
      if (!(operand instanceof Tensor)) fail(where, node, `has an operand ${operand}, which is no tensor`);
      seen.add(operand);
    }
  }
}

function expectedType(node: Tensor, where: string): Type {
  if (node.primitive === 'constant') {
    const { values } = attributesOf(node, 'constant');
    if (values.length !== node.size || !isHeldAs(values, node)) {
      fail(where, node, `holds a ${values.constructor.name} of ${values.length} values`);
    }
    return node;
  }
  if (node.primitive === 'input') {
    const { kind } = attributesOf(node, 'input').source;
    return kind === 'parameter' || kind === 'noise' ? { shape: node.shape, dtype: 'float' } : node;
  }
  try {
    return typeOf(node);
  } catch (error) {
    fail(where, node, error instanceof Error ? error.message : String(error));
  }
}

const typeOf = <P extends Tensor['primitive']>(node: NodeOf<P>): Type =>
  typeRules[node.primitive](node.inputs, attributesOf(node, node.primitive), node.primitive);

function isHeldAs(values: NumericArray, { dtype }: Type): boolean {
  if (dtype === 'float') return values instanceof Float32Array || values instanceof Float64Array;
  return dtype === 'int32' ? values instanceof Int32Array : values instanceof Uint8Array;
}

/** Scalars in, scalars out, elementwise in between: then it means the same for every position of a parameter. */
function verifyUpdate({ moments, coefficients, values }: Update, where: string): void {
  const roots = Object.values(values);
  verifyNodes(roots, where);
  const given = new Set(['parameter', 'gradient', ...moments, ...coefficients]);
  for (const node of topologicalOrder(roots)) {
    if (node.rank > 0) fail(where, node, 'is no scalar');
    const name = node.primitive === 'input' ? sourceName(attributesOf(node, 'input').source) : undefined;
    if (name !== undefined && !given.has(name)) fail(where, node, `reads "${name}", which it is not given`);
    if (node.inputs.length > 0 && !isOfKind(node, 'elementwise')) fail(where, node, 'is not elementwise');
  }
  const [expected, got] = [['parameter', ...moments], Object.keys(values)].map((names) => [...names].sort().join(', '));
  if (expected !== got) throw new ShapeError(`${where}: expected values of ${expected}, got ${got}`);
}

function fail(where: string, { primitive, dtype, shape }: Tensor, what: string): never {
  throw new ShapeError(`${where}: ${primitive} of ${dtype}${formatShape(shape)} ${what}`);
}
