/** What generated functions read and write, as their arguments. */

import { sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Dialect } from './dialect.ts';
import { type Block, emit, type Reads } from './emitter.ts';
import { BYTES, C_TYPES } from './expressions.ts';
import { atLinear } from './positions.ts';

/** Memory that one kernel leaves to the next. */
export interface Temporary {
  readonly floats: number;
}

/** What an argument points to: a tensor's values, temporary values, or the call's block, which starts with its key. */
export type Operand = Tensor | Temporary | 'call';

export const bytesOf = (target: Tensor | Temporary): number =>
  'floats' in target ? target.floats * BYTES.float : sizeOf(target.shape) * BYTES[target.dtype];

/** The arguments of a kernel, named in the order in which they are asked for. */
export class Arguments implements Reads {
  readonly written: (Tensor | Temporary)[] = [];
  private readonly names = new Map<Operand, string>();
  private readonly declarations: string[] = [];
  readonly dialect: Dialect;
  private readonly stored: ReadonlySet<Tensor>;

  constructor(stored: ReadonlySet<Tensor>, dialect: Dialect) {
    this.stored = stored;
    this.dialect = dialect;
  }

  get operands(): readonly Operand[] {
    return [...this.names.keys()];
  }

  get list(): string {
    return this.declarations.join(', ');
  }

  isStored = (node: Tensor): boolean => this.stored.has(node);

  pointerTo = (node: Tensor): string => this.read(node, `const ${C_TYPES[node.dtype]}*`);
  pointerToCall = (): string => this.read('call', 'const unsigned*');
  /** The name of a temporary to read. */
  temporary = (temporary: Temporary): string => this.read(temporary, 'const float*');

  /** The name of a place to write to, which no thread of the kernel reads. */
  output(target: Tensor | Temporary): string {
    if (this.names.has(target)) throw new Error(`a kernel writes ${this.names.get(target)}, which it uses already`);
    this.written.push(target);
    return this.declare(target, `out${this.names.size}`, 'floats' in target ? 'float*' : `${C_TYPES[target.dtype]}*`);
  }

  private read(operand: Operand, type: string): string {
    const known =
      this.names.get(operand) ?? this.declare(operand, operand === 'call' ? 'call' : `a${this.names.size}`, type);
    if (known.startsWith('out')) throw new Error(`a kernel reads ${known}, which other threads of it write`);
    return known;
  }

  private declare(operand: Operand, name: string, type: string): string {
    this.names.set(operand, name);
    this.declarations.push(`${type} __restrict__ ${name}`);
    return name;
  }
}

/** Computes a value at a position and writes it to its place. */
export function storeValue(block: Block, node: Tensor, linear: string, args: Arguments): void {
  const value = emit(block, node, atLinear(node.shape, linear), args, true);
  block.lines.push(`${args.output(node)}[${linear}] = ${value};`);
}
