/**
 * A program: named outputs, and for training the gradients of parameters with the update that uses them.
 * It is what an engine compiles. It is plain data about tensors and runs nothing.
 */

import type { NoiseDistribution } from '../random/random.ts';
import type { Primitive, Source } from './primitives.ts';
import { formatShape, type Shape, ShapeError, sameShape, sizeOf } from './shape.ts';
import { simplify } from './simplify.ts';
import { argument, attributesOf, operation, scalarValue, type Tensor, topologicalOrder } from './tensor.ts';

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
  const replaced = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder(Object.values(update.values))) {
    if (node.primitive === 'input') {
      replaced.set(node, at[sourceName(attributesOf(node, 'input').source)]);
    } else if (node.inputs.length === 0) {
      replaced.set(node, node);
    } else {
      const inputs = node.inputs.map((operand) => replaced.get(operand)!);
      replaced.set(node, operation(node.primitive, inputs, node.attributes as never));
    }
  }
  return Object.fromEntries(Object.entries(update.values).map(([name, node]) => [name, replaced.get(node)!]));
}

export interface Program {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Gradients by parameter name, of a program that trains. */
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly update?: Update;
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
  const named = Object.entries(outputs);
  const derived = Object.entries(training?.gradients ?? {});
  const simplified = simplify([...named, ...derived].map(([, node]) => node));
  const pick = (entries: [string, Tensor][], offset: number) =>
    Object.fromEntries(entries.map(([key], i) => [key, simplified[offset + i]]));
  const program: Program = {
    name,
    outputs: pick(named, 0),
    gradients: pick(derived, named.length),
    ...(training === undefined ? {} : { update: training.update }),
  };
  checkInputs(program);
  return program;
}

/** Every expression that the program computes, without its update. */
export const rootsOf = (program: Program): Tensor[] => [
  ...Object.values(program.outputs),
  ...Object.values(program.gradients),
];

/** The program's leaves of one kind, each name once, in the order of first use. */
export function inputsOf<Kind extends Source['kind']>(program: Program, kind: Kind): Input<Kind>[] {
  return topologicalOrder(rootsOf(program)).flatMap((node) => {
    if (node.primitive !== 'input') return [];
    const { source } = attributesOf(node, 'input');
    return source.kind === kind ? [{ node, source: source as Input<Kind>['source'] }] : [];
  });
}

export const sourceName = (source: Source): string => (source.kind === 'noise' ? source.stream : source.name);

/** One name, one tensor: simplification has merged equal leaves, so a second node means another type. */
function checkInputs(program: Program): void {
  for (const kind of ['argument', 'data', 'parameter', 'noise'] as const) {
    const seen = new Map<string, Shape>();
    for (const { node, source } of inputsOf(program, kind)) {
      const known = seen.get(sourceName(source));
      if (known !== undefined) {
        const shapes = `${formatShape(known)} and ${formatShape(node.shape)}`;
        throw new ShapeError(`program ${program.name}: ${kind} "${sourceName(source)}" is used as ${shapes}`);
      }
      seen.set(sourceName(source), node.shape);
    }
  }
  const parameters = new Map(inputsOf(program, 'parameter').map(({ node, source }) => [source.name, node.shape]));
  for (const [name, gradient] of Object.entries(program.gradients)) {
    const shape = parameters.get(name);
    if (shape !== undefined && !sameShape(shape, gradient.shape)) {
      throw new ShapeError(`program ${program.name}: gradient of "${name}" has ${formatShape(gradient.shape)}`);
    }
  }
}

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
    return [
      `  %${i} = ${call}${formatAttributes(node)} : ${node.dtype}${formatShape(node.shape)}`.replace(/ +:/, ' :'),
    ];
  });
  const results = [
    ...Object.entries(program.outputs).map(([name, node]) => `  ${name} = ${names.get(node)}`),
    ...Object.entries(program.gradients).map(([name, node]) => `  ∂loss/∂${name} = ${names.get(node)}`),
  ];
  return [`program ${program.name}`, ...lines, 'gives', ...results].join('\n');
}

/** Multiply-adds of the program's matrix products and convolutions: the work that bounds it from below. */
export function multiplyAdds(program: Program): number {
  return topologicalOrder(rootsOf(program)).reduce((total, node) => {
    const [a, b] = node.inputs;
    switch (node.primitive) {
      case 'matmul':
        return total + node.size * (attributesOf(node, 'matmul').transposeA ? a.shape[0] : a.shape[1]);
      case 'convolve':
        return total + node.size * sizeOf(b.shape.slice(1));
      case 'convolveTransposed':
        return total + a.size * sizeOf(b.shape.slice(1));
      case 'convolveFilter':
        return total + b.size * sizeOf(node.shape.slice(1));
      default:
        return total;
    }
  }, 0);
}

const PRODUCTS: ReadonlySet<Primitive> = new Set(['matmul', 'convolve', 'convolveTransposed', 'convolveFilter']);

/** Bytes of the operands and results of the program's products, in 32 bits: what it moves where all else is fused. */
export const productBytes = (program: Program): number =>
  topologicalOrder(rootsOf(program))
    .filter(({ primitive }) => PRODUCTS.has(primitive))
    .flatMap((node) => [node, ...node.inputs])
    .reduce((total, { size }) => total + size * Float32Array.BYTES_PER_ELEMENT, 0);
