/** Writes ONNX models: the few protocol buffer messages of onnx.proto that a plain graph needs. */

import type { DType, NumericArray } from '../../tensor/primitives.ts';
import type { Shape } from '../../tensor/shape.ts';

/** Element types by their numbers in onnx.proto. */
export const DATA_TYPES = { float: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;

export type OnnxType = keyof typeof DATA_TYPES;

export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly operator: string;
  /** The standard operators' by default. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: DType;
  /** A size that is open until the model runs has a name. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxConstant {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: Shape;
  /** Row-major, little-endian. */
  readonly bytes: Uint8Array;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** What a file says of itself beside its graph. */
export interface OnnxAbout {
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const IR_VERSION = 9;
export const OPSET = 18;
/** onnxruntime's own operators. */
export const CONTRIBUTED = 'com.microsoft';
const OPSETS: Readonly<Record<string, number>> = { '': OPSET, [CONTRIBUTED]: 1 };

/** A message being written: field by field, in any order. */
class Message {
  private readonly chunks: Uint8Array[] = [];

  private varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      const more = rest > 0x7fn;
      bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
      rest >>= 7n;
    } while (rest > 0n);
    this.chunks.push(Uint8Array.from(bytes));
    return this;
  }

  integer = (field: number, value: number): this => this.varint(field << 3).varint(value);

  float(field: number, value: number): this {
    this.varint((field << 3) | 5).chunks.push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2)
      .varint(value.length)
      .chunks.push(value);
    return this;
  }

  text = (field: number, value: string): this => this.bytes(field, Buffer.from(value));
  message = (field: number, value: Message): this => this.bytes(field, value.finish());

  each<T>(values: readonly T[], write: (message: this, value: T) => void): this {
    for (const value of values) write(this, value);
    return this;
  }

  finish = (): Uint8Array => Buffer.concat(this.chunks);
}

function attributeMessage(name: string, value: OnnxAttribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  return message.each(value, (m, item) => m.integer(8, item)).integer(20, 7);
}

const nodeMessage = ({ operator, domain = '', inputs, outputs, attributes = {} }: OnnxNode): Message =>
  new Message()
    .each(inputs, (m, name) => m.text(1, name))
    .each(outputs, (m, name) => m.text(2, name))
    .text(4, operator)
    .each(Object.entries(attributes), (m, [name, value]) => m.message(5, attributeMessage(name, value)))
    .text(7, domain);

const constantMessage = ({ name, type, shape, bytes }: OnnxConstant): Message =>
  new Message()
    .each(shape, (m, size) => m.integer(1, size))
    .integer(2, DATA_TYPES[type])
    .text(8, name)
    .bytes(9, bytes);

function valueMessage({ name, type, shape }: OnnxValue): Message {
  const dimensions = new Message().each(shape, (m, size) =>
    m.message(1, typeof size === 'string' ? new Message().text(2, size) : new Message().integer(1, size)),
  );
  const tensorType = new Message().integer(1, DATA_TYPES[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensorType));
}

/** The bytes of a model with one graph. */
export function encodeModel({ name, nodes, constants, inputs, outputs }: OnnxGraph, about?: OnnxAbout): Uint8Array {
  const graph = new Message()
    .each(nodes, (m, node) => m.message(1, nodeMessage(node)))
    .text(2, name)
    .each(constants, (m, value) => m.message(5, constantMessage(value)))
    .each(inputs, (m, value) => m.message(11, valueMessage(value)))
    .each(outputs, (m, value) => m.message(12, valueMessage(value)));
  const domains = new Set(['', ...nodes.map(({ domain = '' }) => domain)]);
  const model = new Message()
    .integer(1, IR_VERSION)
    .text(2, 'vae')
    .message(7, graph)
    .each([...domains], (m, domain) => m.message(8, new Message().text(1, domain).integer(2, OPSETS[domain])));
  if (about !== undefined) {
    model
      .text(3, about.producerVersion)
      .each(Object.entries(about.metadata), (m, [key, value]) =>
        m.message(14, new Message().text(1, key).text(2, value)),
      );
  }
  return model.finish();
}

/** A program's constant as the bytes of an ONNX tensor. */
export function encodeValues(values: NumericArray, dtype: DType): Uint8Array {
  const array = dtype === 'float' ? Float32Array.from(values) : dtype === 'int32' ? Int32Array.from(values) : values;
  const bytes = array instanceof Uint8Array ? array : new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return dtype === 'uint8' || dtype === 'bool' ? Uint8Array.from(values) : bytes;
}

export const encodeFloats = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

export const encodeInt64 = (values: readonly number[]): Uint8Array =>
  new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
