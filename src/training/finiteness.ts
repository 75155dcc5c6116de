/** Where a program's values stop being finite: a program that looks at every value of another, and what it says. */

import { allFinite } from '../base/finite.ts';
import type { Primitive } from '../tensor/primitives.ts';
import { formatProgram, inputsOf, type Program, rootsOf, sourceName } from '../tensor/program.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import { attributesOf, scalarValue, type Tensor, topologicalOrder } from '../tensor/tensor.ts';

/** A node of a training program, for people. */
export interface NodePlace {
  /** As `formatProgram` has it. */
  readonly line: string;
  /** "exp(mul) of [128, 20]", "the parameter "encoder.0.weight"", or with the parameter before it that it is the gradient of. */
  readonly words: string;
  readonly primitive: Primitive;
  readonly shape: Shape;
  /** Forward: the loss and its terms. Backward: gradients, and what they alone need. */
  readonly pass: 'forward' | 'backward';
}

export interface ParameterPlace {
  readonly name: string;
  readonly what: 'value' | 'gradient';
}

/** What stopped being finite first. */
export interface FirstNonFinite {
  readonly node: NodePlace;
  /** The first parameter that is not finite, or whose gradient is not, in the order of the nodes. */
  readonly parameter?: ParameterPlace;
}

/** The nodes that may stop being finite, each with the name of its output in the program that looks at it. */
const watched = (program: Program): [string, Tensor][] =>
  topologicalOrder(rootsOf(program)).flatMap((node, i): [string, Tensor][] =>
    node.dtype === 'float' && node.primitive !== 'constant' && node.size > 0 ? [[nameOf(i), node]] : [],
  );

/** As `formatProgram` calls a node. */
const nameOf = (position: number): string => `%${position}`;

/**
 * A program without an update, whose outputs beside the program's own are a number for each of its nodes of floats:
 *   max |x| + Σ (x − x),
 * which is finite where every value of x is. The sum is NaN where one is infinite or NaN; the largest value counts where
 * an engine computes in 64 bits, and a result no longer fits into 32.
 */
export function watch(program: Program): Program {
  const sights = watched(program).map(([name, x]) => [name, x.abs().max().add(x.sub(x).sum())] as const);
  return {
    name: `${program.name}, watched`,
    outputs: { ...program.outputs, ...Object.fromEntries(sights) },
    gradients: {},
  };
}

/**
 * The first node that is not finite and that an output or a gradient is not finite by: an infinity that a later node
 * makes finite again, as 1 / (1 + exp(−x)) does, is no fault.
 * @param results of a run of `watch(program)`.
 */
export function firstNonFinite(
  program: Program,
  results: Readonly<Record<string, ArrayLike<number>>>,
): FirstNonFinite | undefined {
  const bad = new Set(watched(program).flatMap(([name, node]) => (allFinite(results[name]) ? [] : [node])));
  const order = topologicalOrder(rootsOf(program));
  const guilty = new Set(rootsOf(program).filter((node) => bad.has(node)));
  for (const node of order.toReversed()) {
    if (!guilty.has(node)) continue;
    for (const operand of node.inputs) if (bad.has(operand)) guilty.add(operand);
  }
  const first = order.find((node) => guilty.has(node));
  if (first === undefined) return undefined;
  const parameter = parametersIn(program, order).find(({ node }) => bad.has(node));
  return {
    node: placeOf(first, program, order),
    ...(parameter && { parameter: { name: parameter.name, what: parameter.what } }),
  };
}

/** Parameters and their gradients, in the order of their nodes. */
function parametersIn(program: Program, order: readonly Tensor[]): (ParameterPlace & { readonly node: Tensor })[] {
  const positions = new Map(order.map((node, i) => [node, i]));
  const values = inputsOf(program, 'parameter').map(({ node, source }) => ({
    name: source.name,
    what: 'value' as const,
    node,
  }));
  const gradients = Object.entries(program.gradients).map(([name, node]) => ({
    name,
    what: 'gradient' as const,
    node,
  }));
  return [...values, ...gradients].toSorted((a, b) => positions.get(a.node)! - positions.get(b.node)!);
}

function placeOf(node: Tensor, program: Program, order: readonly Tensor[]): NodePlace {
  const { gradientNorm: _, ...terms } = program.outputs;
  const isForward = topologicalOrder(Object.values(terms)).includes(node);
  const gradient = Object.entries(program.gradients).find(([, derivative]) => derivative === node);
  const start = `${nameOf(order.indexOf(node))} = `;
  const lines = formatProgram(program)
    .split('\n')
    .map((line) => line.trim());
  return {
    line: lines.find((line) => line.startsWith(start))!,
    words: gradient === undefined ? wordsOf(node) : `the gradient of "${gradient[0]}", ${wordsOf(node)}`,
    primitive: node.primitive,
    shape: node.shape,
    pass: isForward ? 'forward' : 'backward',
  };
}

/** A node by its primitive, with its operands by theirs; an input by its name. */
function wordsOf(node: Tensor): string {
  const short = (operand: Tensor): string => {
    const scalar = scalarValue(operand);
    if (scalar !== undefined) return String(Number(scalar.toPrecision(4)));
    return operand.primitive === 'input' ? JSON.stringify(inputName(operand)) : operand.primitive;
  };
  if (node.primitive === 'input') return `the ${attributesOf(node, 'input').source.kind} "${inputName(node)}"`;
  const shape = node.rank === 0 ? '' : ` of ${formatShape(node.shape)}`;
  return `${node.primitive}(${node.inputs.map(short).join(', ')})${shape}`;
}

const inputName = (node: Tensor): string => sourceName(attributesOf(node, 'input').source);
