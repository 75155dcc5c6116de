/**
 * Reductions as kernels. Several lanes fold the values of one result, each its share in order, and are then joined in a
 * fixed tree: the same bits every time. Long reductions are cut into pieces, which a second kernel joins.
 */

import { type Shape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { Arguments, storeValue, type Temporary } from '../compiled/arguments.ts';
import { Block, emit } from '../compiled/emitter.ts';
import { foldings } from '../compiled/foldings.ts';
import type { ReduceGroup } from '../compiled/fusion.ts';
import { atAxes, atLinear, type Define, type Position, reshaped } from '../compiled/positions.ts';
import { cuda } from './dialect.ts';
import { createKernel, type Kernel } from './kernels.ts';

/** How the work is shared out. */
interface Layout {
  /** Results, and values folded into each. */
  readonly results: number;
  readonly length: number;
  /** Lanes of one result, and results of one block. Powers of two. */
  readonly lanes: number;
  readonly columns: number;
  /** Whether neighbouring threads are lanes of one result, or else have neighbouring results. */
  readonly lanesFirst: boolean;
  /** Pieces that each result's values are cut into, and the length of one. */
  readonly pieces: number;
  readonly pieceLength: number;
}

const BLOCK_THREADS = 256;
/** Neighbouring results of a block, where neighbours in memory belong to different results. */
const COLUMNS = 32;
const MAX_LANES = 32;
/** Values that a lane should have before another lane helps it, and before its values are cut into pieces. */
const [SHARE, LONG_SHARE] = [4, 32];
/** Blocks that keep a large device busy: twice its multiprocessors. */
const BUSY = 264;

const powerOfTwo = (atLeast: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, atLeast)));

export function layoutOf(domain: Shape, axes: readonly number[]): Layout {
  const length = sizeOf(domain.filter((_, axis) => axes.includes(axis)));
  const results = sizeOf(domain) / length;
  const lanesFirst = results === 1 || axes.includes(domain.length - 1);
  const lanes = Math.min(powerOfTwo(length / SHARE), lanesFirst ? BLOCK_THREADS : MAX_LANES);
  // Results whose lanes are few share a block.
  const least = lanesFirst ? 1 : COLUMNS;
  const columns = Math.min(Math.max(least, BLOCK_THREADS / lanes), powerOfTwo(results));
  const blocks = Math.ceil(results / columns);
  const wanted = length / lanes > LONG_SHARE ? Math.ceil(BUSY / blocks) : 1;
  const pieces = Math.max(1, Math.min(wanted, Math.floor(length / (lanes * SHARE))));
  const pieceLength = Math.ceil(length / pieces);
  return { results, length, lanes, columns, lanesFirst, pieces: Math.ceil(length / pieceLength), pieceLength };
}

/** The kernels of a group: one, or one for the pieces and one that joins them. */
export function reduceKernels(group: ReduceGroup, stored: ReadonlySet<Tensor>): Kernel[] {
  const { domain, axes, values, reductions, finals } = group;
  const layout = layoutOf(domain, axes);
  const args = new Arguments(stored, cuda);
  const fold = (block: Block, accumulators: readonly string[][]): void => {
    const position = domainPosition(domain, axes, layout, block.index);
    const linear = position.linear(block.index);
    for (const node of values) storeValue(block, node, linear, args);
    reductions.forEach((node, i) => {
      const [x] = node.inputs;
      const value = emit(block, x, reshaped(position, x.shape, block.index), args);
      block.lines.push(foldings[node.primitive].add(accumulators[i], value));
    });
  };
  if (layout.pieces === 1) return [kernelOf('reduce', group, layout, args, fold, finish(reductions, finals, args))];

  const pieces = reductions.map((node) =>
    foldings[node.primitive].initial(cuda).map((): Temporary => ({ floats: layout.pieces * layout.results })),
  );
  const keep = (block: Block, accumulators: readonly string[][]): void => {
    pieces.forEach((parts, i) => {
      parts.forEach((part, j) => {
        block.lines.push(`${args.output(part)}[piece * ${layout.results} + o] = ${accumulators[i][j]};`);
      });
    });
  };
  const first = kernelOf('reduce_pieces', group, layout, args, fold, keep);

  const joined = new Arguments(stored, cuda);
  const merge = (block: Block, accumulators: readonly string[][]): void => {
    pieces.forEach((parts, i) => {
      const others = parts.map((part) => block.define('float', `${joined.temporary(part)}[r * ${layout.results} + o]`));
      block.lines.push(foldings[reductions[i].primitive].merge(accumulators[i], others));
    });
  };
  const joining = layoutOf([layout.pieces, layout.results], [0]);
  const whole = { ...joining, pieces: 1, pieceLength: layout.pieces };
  return [first, kernelOf('reduce_joined', group, whole, joined, merge, finish(reductions, finals, joined))];
}

/** Stores the reductions of result `o`, and what is computed from them. */
const finish =
  (reductions: ReduceGroup['reductions'], finals: readonly Tensor[], args: Arguments) =>
  (block: Block, accumulators: readonly string[][]): void => {
    reductions.forEach((node, i) => {
      const linear = node.size === 1 ? '0' : 'o';
      const value = block.define('float', foldings[node.primitive].result(accumulators[i], cuda));
      block.remember(node, atLinear(node.shape, linear), value);
      block.lines.push(`${args.output(node)}[${linear}] = ${value};`);
    });
    for (const node of finals) storeValue(block, node, node.size === 1 ? '0' : 'o', args);
  };

/** Where value `r` of result `o` stands in the domain. */
function domainPosition(domain: Shape, axes: readonly number[], { results, length }: Layout, define: Define): Position {
  const result = results === 1 ? '0' : 'o';
  const coordinates = (inner: Define): string[] => {
    const outside = [
      ...atLinear(
        domain.filter((_, axis) => !axes.includes(axis)),
        result,
      ).axes(inner),
    ];
    const inside = [
      ...atLinear(
        domain.filter((_, axis) => axes.includes(axis)),
        'r',
      ).axes(inner),
    ];
    return domain.map((_, axis) => (axes.includes(axis) ? inside : outside).shift()!);
  };
  let linear: string;
  if (results === 1) linear = 'r';
  // Reduced axes all behind the others, or all before them, need no coordinates.
  else if (domain.length <= 2)
    linear = define(axes.includes(domain.length - 1) ? `o * ${length} + r` : `r * ${results} + o`);
  else linear = atAxes(domain, coordinates(define)).linear(define);
  return { shape: domain, linear: () => linear, axes: coordinates, key: `[${linear}]` };
}

/** Folds values into accumulators, which are named here, in one block of code, and uses what they hold in another. */
type Body = (block: Block, accumulators: readonly string[][]) => void;

function kernelOf(
  what: string,
  { reductions }: ReduceGroup,
  layout: Layout,
  args: Arguments,
  fold: Body,
  use: Body,
): Kernel {
  const { results, length, lanes, columns, lanesFirst, pieces, pieceLength } = layout;
  const threads = lanes * columns;
  const accumulators = reductions.map((node, i) =>
    foldings[node.primitive].initial(cuda).map((_, j) => `fold${i}_${j}`),
  );

  const block = new Block();
  const tile = pieces === 1 ? 'blockIdx.x' : `(blockIdx.x / ${pieces})`;
  block.lines.push(`const int lane = threadIdx.x ${lanesFirst ? `% ${lanes}` : `/ ${columns}`};`);
  block.lines.push(`const int o = ${tile} * ${columns} + threadIdx.x ${lanesFirst ? `/ ${lanes}` : `% ${columns}`};`);
  if (pieces > 1) block.lines.push(`const int piece = blockIdx.x % ${pieces};`);
  reductions.forEach((node, i) => {
    foldings[node.primitive].initial(cuda).forEach((value, j) => {
      block.lines.push(`float ${accumulators[i][j]} = ${value};`);
    });
  });
  const begin = pieces === 1 ? 'lane' : `piece * ${pieceLength} + lane`;
  const end = pieces === 1 ? `${length}` : `min(${length}, (piece + 1) * ${pieceLength})`;
  const loop = new Block(block);
  fold(loop, accumulators);
  const guarded = results % columns === 0 ? '' : `if (o < ${results}) `;
  block.nest(`${guarded}for (int r = ${begin}; r < ${end}; r += ${lanes})`, loop);

  if (lanes > 1) joinLanes(block, reductions, accumulators, layout);
  const last = new Block(block);
  use(last, accumulators);
  const conditions = [...(lanes > 1 ? ['lane == 0'] : []), ...(guarded === '' ? [] : [`o < ${results}`])];
  if (conditions.length === 0) block.lines.push(...last.lines);
  else block.nest(`if (${conditions.join(' && ')})`, last);
  return createKernel(what, args, { blocks: Math.ceil(results / columns) * pieces, threads }, block.lines);
}

/** Accumulators that are joined at once: those of 1,024 threads fill two thirds of what shared memory a block has. */
const JOINED_AT_ONCE = 8;

/** Joins the lanes' accumulators pairwise through shared memory; lane 0 then holds the whole. */
function joinLanes(
  block: Block,
  reductions: ReduceGroup['reductions'],
  accumulators: readonly string[][],
  { lanes, columns, lanesFirst }: Layout,
): void {
  const stride = lanesFirst ? 1 : columns;
  const batches: number[][] = [[]];
  let held = 0;
  accumulators.forEach((names, i) => {
    held += names.length;
    if (held > JOINED_AT_ONCE) {
      held = names.length;
      batches.push([]);
    }
    batches.at(-1)!.push(i);
  });
  const places = Math.max(...batches.map((batch) => batch.flatMap((i) => accumulators[i]).length));
  for (let place = 0; place < places; place++) {
    block.lines.push(`__shared__ float shared${place}[${lanes * columns}];`);
  }
  for (const [number, batch] of batches.entries()) {
    if (number > 0) block.lines.push('__syncthreads();');
    const names = batch.flatMap((i) => accumulators[i]);
    const placeOf = (name: string): string => `shared${names.indexOf(name)}`;
    const copy = names.map((name) => `${placeOf(name)}[threadIdx.x] = ${name};`).join(' ');
    for (let half = lanes / 2; half >= 1; half /= 2) {
      const merges = batch.map((i) =>
        foldings[reductions[i].primitive].merge(
          accumulators[i],
          accumulators[i].map((name) => `${placeOf(name)}[threadIdx.x + ${half * stride}]`),
        ),
      );
      // Each thread's share is in its registers; what the upper half holds is handed down.
      block.lines.push(half === lanes / 2 ? copy : `if (lane < ${2 * half}) { ${copy} }`);
      block.lines.push('__syncthreads();', `if (lane < ${half}) { ${merges.join(' ')} }`);
      if (half > 1) block.lines.push('__syncthreads();');
    }
  }
}
