/**
 * The safetensors format: the length of a JSON header as 64 bits, the header, then the tensors' bytes.
 * https://huggingface.co/docs/safetensors
 */

import { InputError } from '../base/errors.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';

/** 32-bit floats, row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;

export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Buffer {
  let offset = 0;
  const entries = tensors.map(({ name, shape, values }) => {
    const start = offset;
    offset += values.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [start, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Padded with spaces, so that the tensors are aligned wherever the file is mapped.
  const padding = (ALIGNMENT - (Buffer.byteLength(json) % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.from(json + ' '.repeat(padding));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  const bytes = tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  return Buffer.concat([length, header, ...bytes]);
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

const isEntry = (value: unknown): value is Entry => {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>;
  const isSize = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(isSize) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isSize)
  );
};

/**
 * Reads files whose tensors are all 32-bit floats. `name` is for messages.
 * @throws InputError if the bytes are not one whole such file.
 */
export function decodeSafetensors(bytes: Buffer, name: string): SafetensorsFile {
  const start = LENGTH_BYTES + readHeaderLength(bytes, name);
  const header = parseHeader(bytes.toString('utf8', LENGTH_BYTES, start), name);
  const { __metadata__: metadata, ...entries } = header;
  const spans: Span[] = [];
  const tensors = Object.entries(entries).map(([tensor, entry]): NamedTensor => {
    if (!isEntry(entry)) throw new InputError(`${name}: damaged header: tensor "${tensor}" is not described`);
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = entry;
    if (dtype !== 'F32') throw new InputError(`${name}: tensor "${tensor}" is ${dtype}; expected F32`);
    if (start + to > bytes.length) {
      throw new InputError(
        `${name}: cut short: its header asks for at least ${start + to} bytes and it has ${bytes.length}`,
      );
    }
    if (to - from !== sizeOf(shape) * Float32Array.BYTES_PER_ELEMENT) {
      throw new InputError(
        `${name}: damaged header: tensor "${tensor}" of ${shape.join(' × ')} has ${to - from} bytes`,
      );
    }
    spans.push({ tensor, from, to });
    // Copied, because the file's bytes need not be aligned in memory.
    const values = new Float32Array(Uint8Array.prototype.slice.call(bytes, start + from, start + to).buffer);
    return { name: tensor, shape, values };
  });
  checkSpans(spans, bytes.length - start, name);
  const texts = Object.entries(metadata ?? {}).filter(([, value]) => typeof value === 'string');
  return { tensors, metadata: Object.fromEntries(texts) };
}

/** The place of a tensor's bytes behind the header. */
interface Span {
  readonly tensor: string;
  readonly from: number;
  readonly to: number;
}

/** Every byte behind the header belongs to one tensor. */
function checkSpans(spans: readonly Span[], length: number, name: string): void {
  let end = 0;
  for (const { tensor, from, to } of spans.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) {
      throw new InputError(
        `${name}: damaged header: tensor "${tensor}" begins at byte ${from}, where the one before it ends at ${end}`,
      );
    }
    end = to;
  }
  if (end !== length) throw new InputError(`${name}: damaged: ${length - end} bytes behind its last tensor`);
}

function readHeaderLength(bytes: Buffer, name: string): number {
  if (bytes.length < LENGTH_BYTES) {
    throw new InputError(`${name}: expected a safetensors file, got ${bytes.length} bytes`);
  }
  const length = bytes.readBigUInt64LE();
  if (length > BigInt(bytes.length - LENGTH_BYTES)) {
    throw new InputError(`${name}: not a safetensors file, or cut short inside its header (${bytes.length} bytes)`);
  }
  return Number(length);
}

function parseHeader(json: string, name: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(json);
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // Fall through to the one message.
  }
  throw new InputError(`${name}: not a safetensors file: its header is no JSON object`);
}
