/** Groups of values as kernels in CUDA C. */

import { crc32 } from 'node:zlib';
import type { Tensor } from '../../tensor/tensor.ts';
import { Arguments, type Operand, storeValue, type Temporary } from '../compiled/arguments.ts';
import { Block } from '../compiled/emitter.ts';
import type { MapGroup } from '../compiled/fusion.ts';
import type { LaunchShape } from './device.ts';
import { cuda } from './dialect.ts';

export interface Kernel {
  readonly name: string;
  readonly source: string;
  readonly shape: LaunchShape;
  readonly operands: readonly Operand[];
  /** Those of the operands that it writes. */
  readonly written: readonly (Tensor | Temporary)[];
}

/** A kernel of these statements. Its name says what it does, and differs where its source does. */
export function createKernel(what: string, args: Arguments, shape: LaunchShape, body: readonly string[]): Kernel {
  const text = [`(${args.list}) {`, ...body.map((line) => `  ${line}`), '}', ''].join('\n');
  const checksum = crc32(`${shape.threads} ${text}`).toString(16).padStart(8, '0');
  const name = `${what}_${checksum}`;
  const source = `extern "C" __global__ void __launch_bounds__(${shape.threads}) ${name}${text}`;
  return { name, source, shape, operands: args.operands, written: args.written };
}

const MAP_THREADS = 256;

/** One thread a position; a thread computes the group's values at it and stores each. */
export function mapKernel({ size, values }: MapGroup, stored: ReadonlySet<Tensor>): Kernel {
  const args = new Arguments(stored, cuda);
  const block = new Block();
  const linear = size === 1 ? '0' : 'i';
  for (const node of values) storeValue(block, node, linear, args);
  const threads = Math.min(MAP_THREADS, 32 * Math.ceil(size / 32));
  const body = [`const int i = blockIdx.x * ${threads} + threadIdx.x;`, `if (i >= ${size}) return;`, ...block.lines];
  return createKernel('map', args, { blocks: Math.ceil(size / threads), threads }, body);
}
