/**
 * Builds a TensorFlow.js graph model: nodes as in TensorFlow's GraphDef, written as JSON, with the values of their
 * constants in files beside it. It has what TensorFlow.js reads and no more, so TensorFlow itself does not open it.
 */

import type { NumericArray } from '../../tensor/primitives.ts';
import type { Shape } from '../../tensor/shape.ts';

/** A file of an export, by its name inside the model's folder. */
export interface ModelFile {
  readonly name: string;
  readonly content: Uint8Array;
}

type Attribute =
  | { readonly type: string }
  | { readonly b: boolean }
  | { readonly s: string }
  | { readonly i: string }
  | { readonly list: { readonly i: readonly string[] } }
  | { readonly shape: { readonly dim: readonly { readonly size: string }[] } };

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, Attribute>>;
}

export type TfjsType = 'float32' | 'int32' | 'bool';

/** What an input or output is called, and its sizes; −1 is open until the model runs. */
export interface TfjsValue {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: TfjsType;
}

/** Attributes, as protocol buffers are written in JSON: 64-bit integers as texts, bytes in base 64. */
export const type = (name: string): Attribute => ({ type: name });
export const flag = (b: boolean): Attribute => ({ b });
export const integer = (value: number): Attribute => ({ i: String(value) });
export const text = (value: string): Attribute => ({ s: Buffer.from(value).toString('base64') });
export const integers = (values: readonly number[]): Attribute => ({ list: { i: values.map(String) } });
const tensorShape = (shape: Shape) => ({ dim: shape.map((size) => ({ size: String(size) })) });

const TF_TYPES: Readonly<Record<TfjsType, string>> = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' };
const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** The largest file of weights; browsers fetch several at once and keep small ones. */
const SHARD_BYTES = 4 * 2 ** 20;

interface Constant {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: TfjsType;
  readonly bytes: Buffer;
}

export class TfjsGraph {
  private readonly nodes: Node[] = [];
  private readonly constants = new Map<string, Constant>();
  private readonly inputs: TfjsValue[] = [];
  private count = 0;

  /** Applies an operation and returns the name of its result. */
  apply(op: string, input: readonly string[], attr: Node['attr'] = {}, name = `v${this.count++}`): string {
    this.nodes.push({ name, op, input, attr });
    return name;
  }

  input(value: TfjsValue): string {
    this.inputs.push(value);
    const attributes = { dtype: type(TF_TYPES[value.dtype]), shape: { shape: tensorShape(value.shape) } };
    return this.apply('Placeholder', [], attributes, value.name);
  }

  /** Equal constants without a name of their own are one. */
  constant(values: NumericArray | readonly number[], shape: Shape, dtype: TfjsType, name?: string): string {
    const { buffer } = ARRAYS[dtype].from(values);
    const key = name ?? `${dtype} ${shape} ${values.join()}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known.name;
    const added = this.apply('Const', [], { dtype: type(TF_TYPES[dtype]) }, name);
    this.constants.set(key, { name: added, shape, dtype, bytes: Buffer.from(buffer) });
    return added;
  }

  /** A vector, which operations take for shapes and axes. */
  integers = (values: readonly number[]): string => this.constant(values, [values.length], 'int32');

  number = (value: number): string => this.constant([value], [], 'float32');

  reshape = (x: string, shape: Shape, name?: string): string =>
    this.apply('Reshape', [x, this.integers(shape)], {}, name);

  transpose = (x: string, permutation: readonly number[], name?: string): string =>
    this.apply('Transpose', [x, this.integers(permutation)], {}, name);

  /** `model.json` and its weights. What the outputs do not need is left out. */
  files(outputs: readonly TfjsValue[], version: string, metadata: Readonly<Record<string, string>>): ModelFile[] {
    const needed = new Set([...this.inputs, ...outputs].map(({ name }) => name));
    const nodes = this.nodes.toReversed().filter(({ name, input }) => {
      if (needed.has(name)) for (const operand of input) needed.add(operand);
      return needed.has(name);
    });
    const constants = [...this.constants.values()].filter(({ name }) => needed.has(name));
    const shards = shardsOf(Buffer.concat(constants.map(({ bytes }) => bytes)));
    const signature = (values: readonly TfjsValue[]) =>
      Object.fromEntries(
        values.map(({ name, shape, dtype }) => [
          name,
          { name: `${name}:0`, dtype: TF_TYPES[dtype], tensorShape: tensorShape(shape) },
        ]),
      );
    const model = {
      format: 'graph-model',
      generatedBy: `vae ${version}`,
      convertedBy: null,
      signature: { inputs: signature(this.inputs), outputs: signature(outputs) },
      userDefinedMetadata: metadata,
      modelTopology: { node: nodes.reverse(), library: {}, versions: {} },
      weightsManifest: [
        {
          paths: shards.map(({ name }) => name),
          weights: constants.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
        },
      ],
    };
    // The model comes last: where it is, its weights are.
    return [...shards, { name: 'model.json', content: Buffer.from(`${JSON.stringify(model)}\n`) }];
  }
}

function shardsOf(bytes: Buffer): ModelFile[] {
  const count = Math.max(1, Math.ceil(bytes.length / SHARD_BYTES));
  return Array.from({ length: count }, (_, i) => ({
    name: `group1-shard${i + 1}of${count}.bin`,
    content: bytes.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES),
  }));
}
