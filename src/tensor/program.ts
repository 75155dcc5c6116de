/**
 * A program: named outputs, and for training the gradients of parameters with the update that uses them.
 * It is what an engine compiles. It is plain data about tensors and runs nothing.
 */

import type { NoiseDistribution } from '../random/random.ts';
import type { PrimitiveOf, Source, Type } from './primitives.ts';
import { formatShape, ShapeError, sameShape, sizeOf } from './shape.ts';
import { simplify } from './simplify.ts';
import {
  argument,
  attributesOf,
  isOfKind,
  mapNodes,
  type NodeOf,
  rebuilt,
  scalarValue,
  type Tensor,
  topologicalOrder,
} from './tensor.ts';

/**
 * What one step does to every parameter, elementwise: new values as expressions over scalar arguments, which stand for
 * one position of the parameter, of its gradient and of its moments, and for the step's coefficients.
 */
export interface Update {
  /** Names of the tensors kept beside each parameter, zero at first. */
  readonly moments: readonly string[];
  /** Names of the numbers that the caller hands over at each step, such as the learning rate. */
  readonly coefficients: readonly string[];
  /** The new `parameter` and the new value of every moment. */
  readonly values: Readonly<Record<string, Tensor>>;
}

/** Writes an update: `rule` gets a scalar argument for each name and returns the new values. */
export function elementwiseUpdate<Moment extends string, Coefficient extends string>(
  moments: readonly Moment[],
  coefficients: readonly Coefficient[],
  rule: (
    at: Readonly<Record<'parameter' | 'gradient' | Moment | Coefficient, Tensor>>,
  ) => Readonly<Record<'parameter' | Moment, Tensor>>,
): Update {
  const names = ['parameter', 'gradient', ...moments, ...coefficients] as const;
  const at = Object.fromEntries(names.map((name) => [name, argument(name, [])]));
  const values: Record<string, Tensor> = rule(at as Parameters<typeof rule>[0]);
  const order = Object.keys(values);
  const simplified = simplify(order.map((name) => values[name]));
  return { moments, coefficients, values: Object.fromEntries(order.map((name, i) => [name, simplified[i]])) };
}

/** The update with its scalar arguments replaced by tensors, such as a whole parameter and its gradient. */
export function applyUpdate(update: Update, at: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> {
  const made = mapNodes<Tensor>(Object.values(update.values), (node, inputs) =>
    node.primitive === 'input' ? at[sourceName(attributesOf(node, 'input').source)] : rebuilt(node, inputs),
  );
  return Object.fromEntries(Object.entries(update.values).map(([name, node]) => [name, made.get(node)!]));
}

export interface Program {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Gradients by parameter name, of a program that trains. */
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly update?: Update;
}

/** What the program's update does to a whole parameter: new values as expressions over arguments of its shape. */
export interface WholeUpdate {
  readonly name: string;
  readonly gradient: Tensor;
  readonly values: Readonly<Record<string, Tensor>>;
}

/** The update of each parameter, for engines that have no other way to run it. */
export function wholeUpdates({ update, gradients }: Program): readonly WholeUpdate[] {
  if (update === undefined) return [];
  const scalars = update.coefficients.map((coefficient) => [coefficient, argument(coefficient, [])]);
  return Object.entries(gradients).map(([name, gradient]) => {
    const slots = ['parameter', 'gradient', ...update.moments];
    const wholes = slots.map((slot) => [slot, argument(slot, gradient.shape)]);
    return { name, gradient, values: applyUpdate(update, Object.fromEntries([...wholes, ...scalars])) };
  });
}

/** A leaf of a program. */
export interface Input<Kind extends Source['kind'] = Source['kind']> {
  readonly node: Tensor;
  readonly source: Extract<Source, { kind: Kind }>;
}

export function createProgram(
  name: string,
  outputs: Readonly<Record<string, Tensor>>,
  training?: { readonly gradients: Readonly<Record<string, Tensor>>; readonly update: Update },
): Program {
  const given: Program = { name, outputs, gradients: {}, ...training };
  const program = withRoots(given, simplify(rootsOf(given)));
  checkInputs(program);
  return program;
}

/** Every expression that the program computes, without its update. */
export const rootsOf = (program: Program): Tensor[] => [
  ...Object.values(program.outputs),
  ...Object.values(program.gradients),
];

/** The program with other expressions in place of its own, in the order of `rootsOf`. */
export function withRoots(program: Program, roots: readonly Tensor[]): Program {
  const left = [...roots];
  const replaced = (named: Program['outputs']) =>
    Object.fromEntries(Object.keys(named).map((name) => [name, left.shift()!]));
  return { ...program, outputs: replaced(program.outputs), gradients: replaced(program.gradients) };
}

/**
 * The program rewritten node by node: `rule` gets each node with its operands already rewritten, and returns what takes
 * its place, or undefined where it is the same operation on them.
 */
export function mapProgram(
  program: Program,
  rule: (node: Tensor, inputs: readonly Tensor[]) => Tensor | undefined,
): Program {
  const made = mapNodes<Tensor>(rootsOf(program), (node, inputs) => rule(node, inputs) ?? rebuilt(node, inputs));
  return withRoots(
    program,
    rootsOf(program).map((root) => made.get(root)!),
  );
}

/** The program's leaves of one kind, each name once, in the order of first use. */
export function inputsOf<Kind extends Source['kind']>(program: Program, kind: Kind): Input<Kind>[] {
  return topologicalOrder(rootsOf(program)).flatMap((node) => {
    if (node.primitive !== 'input') return [];
    const { source } = attributesOf(node, 'input');
    return source.kind === kind ? [{ node, source: source as Input<Kind>['source'] }] : [];
  });
}

export const sourceName = (source: Source): string => (source.kind === 'noise' ? source.stream : source.name);

export const SOURCES = ['argument', 'data', 'parameter', 'noise'] as const satisfies Source['kind'][];

/** @throws ShapeError where two inputs of one kind and name differ, or a gradient does not fit its parameter. */
export function checkInputs(program: Program): void {
  for (const kind of SOURCES) {
    const seen = new Map<string, string>();
    for (const { node, source } of inputsOf(program, kind)) {
      const use = formatInput(node, source);
      const known = seen.get(sourceName(source)) ?? use;
      if (known !== use) {
        throw new ShapeError(`program ${program.name}: ${kind} "${sourceName(source)}" is used as ${known} and ${use}`);
      }
      seen.set(sourceName(source), use);
    }
  }
  const parameters = new Map(inputsOf(program, 'parameter').map(({ node, source }) => [source.name, node.shape]));
  for (const [name, gradient] of Object.entries(program.gradients)) {
    const shape = parameters.get(name) ?? gradient.shape;
    if (!sameShape(shape, gradient.shape)) {
      const [expected, got] = [shape, gradient.shape].map(formatShape);
      throw new ShapeError(`program ${program.name}: expected a gradient of ${expected} for "${name}", got ${got}`);
    }
  }
}

const formatType = ({ dtype, shape }: Type): string => `${dtype}${formatShape(shape)}`;

const formatInput = (node: Tensor, source: Source): string =>
  `${source.kind === 'noise' ? `${formatDistribution(source.distribution)} ` : ''}${formatType(node)}`;

const formatDistribution = (distribution: NoiseDistribution): string =>
  distribution.kind === 'bernoulli' ? `bernoulli(${distribution.probability})` : distribution.kind;

function formatAttributes(node: Tensor): string {
  if (node.primitive === 'input') {
    const { source } = attributesOf(node, 'input');
    const name = JSON.stringify(sourceName(source));
    return source.kind === 'noise'
      ? `noise ${name} ${formatDistribution(source.distribution)}`
      : `${source.kind} ${name}`;
  }
  if (node.primitive === 'constant') {
    const { values } = attributesOf(node, 'constant');
    return values.length === 1 ? String(values[0]) : `${values.length} values`;
  }
  const parts = Object.entries(node.attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return parts.join(' ');
}

/** The program as text, one line a node, in an order in which it could be computed. */
export function formatProgram(program: Program): string {
  const names = new Map<Tensor, string>();
  const lines = topologicalOrder(rootsOf(program)).flatMap((node, i) => {
    const scalar = scalarValue(node);
    names.set(node, scalar === undefined ? `%${i}` : String(scalar));
    if (scalar !== undefined) return [];
    const operands = node.inputs.map((operand) => names.get(operand)).join(', ');
    const call = node.primitive === 'input' ? '' : `${node.primitive}(${operands}) `;
    return [`  %${i} = ${call}${formatAttributes(node)} : ${formatType(node)}`.replace(/ +:/, ' :')];
  });
  const results = [
    ...Object.entries(program.outputs).map(([name, node]) => `  ${name} = ${names.get(node)}`),
    ...Object.entries(program.gradients).map(([name, node]) => `  ∂loss/∂${name} = ${names.get(node)}`),
  ];
  return [`program ${program.name}`, ...lines, 'gives', ...results].join('\n');
}

/** Multiply-adds of each product. */
const work: { readonly [P in PrimitiveOf<'product'>]: (node: NodeOf<P>) => number } = {
  matmul: (node) => node.size * node.inputs[0].shape[attributesOf(node, 'matmul').transposeA ? 0 : 1],
  convolve: ({ size, inputs: [, filter] }) => size * sizeOf(filter.shape.slice(1)),
  convolveTransposed: ({ inputs: [y, filter] }) => y.size * sizeOf(filter.shape.slice(1)),
  convolveFilter: ({ shape, inputs: [, y] }) => y.size * sizeOf(shape.slice(1)),
};

const workOf = <P extends PrimitiveOf<'product'>>(node: NodeOf<P>): number => work[node.primitive](node);

const productsOf = (program: Program) => topologicalOrder(rootsOf(program)).filter((node) => isOfKind(node, 'product'));

/** Multiply-adds of the program's matrix products and convolutions: the work that bounds it from below. */
export const multiplyAdds = (program: Program): number =>
  productsOf(program).reduce((total, node) => total + workOf(node), 0);

/** Bytes of the operands and results of the program's products, in 32 bits: what it moves where all else is fused. */
export const productBytes = (program: Program): number =>
  productsOf(program)
    .flatMap((node) => [node, ...node.inputs])
    .reduce((total, { size }) => total + size * Float32Array.BYTES_PER_ELEMENT, 0);
