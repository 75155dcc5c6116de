/**
 * Reductions as loops. Where the reduced values are neighbours they are folded in the lanes of a vector; where the results
 * are, a row of results is folded at once. Few long reductions are cut into pieces, which another step joins in order:
 * how they are cut follows from sizes alone, so the sums have the same bits every time.
 */

import { sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { storeValue, type Temporary } from '../compiled/arguments.ts';
import { Block, emit } from '../compiled/emitter.ts';
import type { ReduceGroup } from '../compiled/fusion.ts';
import { atLinear, reshaped } from '../compiled/positions.ts';
import { Affine } from './affine.ts';
import { c } from './dialect.ts';
import { foldings } from './foldings.ts';
import { cutsOf, defineCoordinates, IVDEP, sizeOfAxes, sumOf } from './nest.ts';
import { BLOCK, type Loops, loopsOf, resultsOf, rowsOf, type Shares, sharesOf } from './reduction-loops.ts';
import { createStep, type Step, StepArguments } from './steps.ts';

export function reduceSteps(group: ReduceGroup, stored: ReadonlySet<Tensor>): Step[] {
  const cuts = cutsOf(sizeOf(group.domain), (block, linear) =>
    fold(block, linear, group, new StepArguments(stored), 'first'),
  );
  const loops = loopsOf(group, cuts);
  const shares = sharesOf(loops, group);
  if (shares.pieces === 1) return [foldStep(group, stored, loops, shares, undefined)];
  const parts = group.reductions.map((node) =>
    foldings[node.primitive].initial.map((): Temporary => ({ floats: shares.pieces * resultsOf(group) })),
  );
  return [foldStep(group, stored, loops, shares, parts), joinStep(group, stored, shares.pieces, parts)];
}

/** What is done at a position: values are stored in the first pass, and what needs its result is folded in the second. */
function fold(
  block: Block,
  linear: string,
  { domain, values, reductions }: ReduceGroup,
  args: StepArguments,
  pass: 'first' | 'second',
  into?: (reduction: number) => readonly string[],
): void {
  const position = atLinear(domain, linear);
  for (const node of values) {
    if (pass === 'first') storeValue(block, node, linear, args);
    else emit(block, node, atLinear(node.shape, linear), args, true);
  }
  reductions.forEach((node, i) => {
    const folding = foldings[node.primitive];
    const code = pass === 'first' ? folding.add : folding.addSecond;
    if (code === undefined) return;
    const [x] = node.inputs;
    const value = emit(block, x, reshaped(position, x.shape, block.index), args);
    if (into !== undefined) block.lines.push(...code(into(i), value));
  });
}

function foldStep(
  group: ReduceGroup,
  stored: ReadonlySet<Tensor>,
  loops: Loops,
  shares: Shares,
  parts: readonly (readonly Temporary[])[] | undefined,
): Step {
  const { reductions } = group;
  const args = new StepArguments(stored);
  const affine = new Affine();
  const names = reductions.map((node, i) => foldings[node.primitive].initial.map((_, j) => `fold${i}_${j}`));
  const block = new Block(undefined, affine);
  const row = new Block(block);
  const count = resultsOf(group);
  const slot = loops.isReduced ? '' : '[k]';
  const into = (i: number): string[] => names[i].map((name) => `${name}${slot}`);
  const { pieces, pieceLength } = shares;

  // The results of this row: one, or `width` from `first` on.
  const terms: string[] = [];
  let width = '1';
  if (loops.isReduced) {
    terms.push(...defineCoordinates(row, affine, 'x', loops.results, 'o'));
  } else if (loops.inner === undefined) {
    row.lines.push(`const int start = o * ${BLOCK};`);
    width = count <= BLOCK ? String(count) : 'width';
    if (count > BLOCK) {
      row.lines.push(`const int width = start + ${BLOCK} < ${count} ? ${BLOCK} : ${count} - start;`);
    }
  } else {
    const { size } = loops.inner;
    const blocks = Math.ceil(size / BLOCK);
    const outer = blocks === 1 ? 'o' : 'line';
    if (blocks > 1) row.lines.push(`const int line = o / ${blocks};`);
    terms.push(...defineCoordinates(row, affine, 'x', loops.results, outer));
    const start = blocks === 1 ? '0' : `o % ${blocks} * ${BLOCK}`;
    row.lines.push(`const int start = ${start};`);
    width = blocks === 1 ? String(size) : 'width';
    if (blocks > 1) row.lines.push(`const int width = start + ${BLOCK} < ${size} ? ${BLOCK} : ${size} - start;`);
  }

  reductions.forEach((node, i) => {
    foldings[node.primitive].initial.forEach((value, j) => {
      if (loops.isReduced) row.lines.push(`float ${names[i][j]} = ${value};`);
      else {
        row.lines.push(`float ${names[i][j]}[${BLOCK}];`);
        row.lines.push(`for (int k = 0; k < ${width}; k++) ${names[i][j]}[k] = ${value};`);
      }
    });
  });

  const outerReduced = sizeOfAxes(loops.reduced);
  const cutsInner = loops.isReduced && outerReduced === 1;
  const range = (length: number): readonly [string, string] => (pieces === 1 ? ['0', String(length)] : ['from', 'to']);
  if (pieces > 1) {
    const length = cutsInner ? loops.inner!.size : outerReduced;
    block.lines.push(`const int piece = (int)(task % ${pieces}), from = piece * ${pieceLength};`);
    block.lines.push(`const int to = from + ${pieceLength} < ${length} ? from + ${pieceLength} : ${length};`);
  }
  const pass = (which: 'first' | 'second'): void => {
    const reducedBlock = new Block(row);
    const reducedTerms = defineCoordinates(reducedBlock, affine, 'r', loops.reduced, 'r');
    const body = new Block(reducedBlock);
    const all = [...terms, ...reducedTerms];
    if (loops.isReduced) {
      affine.declare('k', loops.inner!.size);
      all.push('k');
    } else if (loops.inner === undefined) {
      body.lines.push('const int y = start + k;');
      affine.declare('y', count);
      all.push(...defineCoordinates(body, affine, 'y', loops.results, 'y'));
    } else {
      body.lines.push('const int y = start + k;');
      affine.declare('y', loops.inner.size);
      all.push(loops.inner.stride === 1 ? 'y' : `y * ${loops.inner.stride}`);
    }
    fold(body, body.index(sumOf(all)), group, args, which, into);
    const clauses = reductions.flatMap((node, i) => {
      const clause = which === 'first' ? foldings[node.primitive].clause : foldings[node.primitive].clauseSecond;
      return clause === undefined ? [] : [`reduction(${clause(names[i])})`];
    });
    reducedBlock.lines.push(loops.isReduced ? `#pragma omp simd ${clauses.join(' ')}` : IVDEP);
    const [begin, end] = loops.isReduced
      ? cutsInner
        ? range(loops.inner!.size)
        : ['0', `${loops.inner!.size}`]
      : ['0', width];
    reducedBlock.nest(`for (int k = ${begin}; k < ${end}; k++)`, body);
    if (cutsInner || outerReduced === 1) row.nest('', reducedBlock);
    else {
      const [first, last] = range(outerReduced);
      row.nest(`for (int r = ${first}; r < ${last}; r++)`, reducedBlock);
    }
  };
  pass('first');
  const second = reductions.flatMap((node, i) => foldings[node.primitive].between?.(into(i)) ?? []);
  if (second.length > 0) {
    if (loops.isReduced) row.lines.push(...second);
    else row.lines.push(`for (int k = 0; k < ${width}; k++) { ${second.join(' ')} }`);
    pass('second');
  }

  const last = new Block(row);
  const linear = count === 1 ? '0' : linearOfResult(last, affine, loops);
  if (parts === undefined) finish(last, group, args, linear, into);
  else {
    parts.forEach((list, i) => {
      list.forEach((part, j) => {
        last.lines.push(`${args.output(part)}[piece * ${count} + ${linear}] = ${into(i)[j]};`);
      });
    });
  }
  if (loops.isReduced) row.nest('', last);
  else {
    row.lines.push(IVDEP);
    row.nest(`for (int k = 0; k < ${width}; k++)`, last);
  }
  const rows = rowsOf(loops, group);
  block.lines.push(`const int begin = (int)(${pieces === 1 ? 'task' : `task / ${pieces}`}) * ${shares.rows};`);
  block.lines.push(`const int end = begin + ${shares.rows} < ${rows} ? begin + ${shares.rows} : ${rows};`);
  block.nest('for (int o = begin; o < end; o++)', row);
  return createStep(parts === undefined ? 'reduce' : 'reduce_pieces', args, shares.shares * pieces, block.lines);
}

/** The number of the result that is folded at `o` and `k`. */
function linearOfResult(block: Block, affine: Affine, { isReduced, results, inner }: Loops): string {
  if (isReduced) {
    affine.declare('o', sizeOfAxes(results));
    return 'o';
  }
  if (inner === undefined) return block.index('start + k');
  const lines = sizeOfAxes(results);
  const blocks = Math.ceil(inner.size / BLOCK);
  if (lines === 1) return block.index('start + k');
  return block.index(`${blocks === 1 ? 'o' : 'line'} * ${inner.size} + start + k`);
}

/** Stores the reductions at a result's number, and what is computed from them. */
function finish(
  block: Block,
  { reductions, finals }: Pick<ReduceGroup, 'reductions' | 'finals'>,
  args: StepArguments,
  linear: string,
  from: (reduction: number) => readonly string[],
): void {
  reductions.forEach((node, i) => {
    const value = block.define('float', foldings[node.primitive].result(from(i), c));
    block.remember(node, atLinear(node.shape, linear), value);
    block.lines.push(`${args.output(node)}[${linear}] = ${value};`);
  });
  for (const node of finals) storeValue(block, node, linear, args);
}

/** Joins pieces in their order. */
export function joinStep(
  group: Pick<ReduceGroup, 'reductions' | 'finals'>,
  stored: ReadonlySet<Tensor>,
  pieces: number,
  parts: readonly (readonly Temporary[])[],
): Step {
  const { reductions } = group;
  const count = resultsOf(group);
  const args = new StepArguments(stored);
  const affine = new Affine();
  affine.declare('o', count);
  const row = new Block(undefined, affine);
  const names = reductions.map((node, i) => foldings[node.primitive].initial.map((_, j) => `fold${i}_${j}`));
  const inner = new Block(row);
  reductions.forEach((node, i) => {
    const folding = foldings[node.primitive];
    folding.initial.forEach((value, j) => {
      row.lines.push(`float ${names[i][j]} = ${value};`);
    });
    const others = parts[i].map((part) => inner.define('float', `${args.temporary(part)}[piece * ${count} + o]`));
    inner.lines.push(...folding.merge(names[i], others));
  });
  row.nest(`for (int piece = 0; piece < ${pieces}; piece++)`, inner);
  finish(row, group, args, count === 1 ? '0' : 'o', (i) => names[i]);
  const block = new Block();
  block.nest(`for (int o = 0; o < ${count}; o++)`, row);
  return createStep('reduce_joined', args, 1, block.lines);
}
