/** Values that are computed position by position, as loops. */

import type { Tensor } from '../../tensor/tensor.ts';
import { storeValue } from '../compiled/arguments.ts';
import { Block } from '../compiled/emitter.ts';
import type { MapGroup } from '../compiled/fusion.ts';
import { Affine } from './affine.ts';
import { cutsOf, defineCoordinates, IVDEP, refined, sizeOfAxes, sumOf } from './nest.ts';
import { createStep, type Step, StepArguments, tasksFor } from './steps.ts';

/** Pieces of the inner loop are multiples of this, so that every one begins at a line of the cache. */
const PIECE = 64;

export function mapStep({ size, values }: MapGroup, stored: ReadonlySet<Tensor>): Step {
  const store = (block: Block, linear: string, args: StepArguments): void => {
    for (const node of values) storeValue(block, node, linear, args);
  };
  const cuts = cutsOf(size, (block, linear) => store(block, linear, new StepArguments(stored)));
  const axes = refined({ size, stride: 1 }, cuts);
  const [inner] = axes.splice(-1);
  const outer = sizeOfAxes(axes);
  const wanted = tasksFor(size);
  // Whole rows are shared out; where they are few, each is cut into pieces too.
  const rows = Math.ceil(outer / Math.min(outer, wanted));
  const shares = Math.ceil(outer / rows);
  const length = Math.ceil(inner.size / Math.ceil(wanted / shares) / PIECE) * PIECE;
  const pieces = Math.max(1, Math.ceil(inner.size / length));

  const args = new StepArguments(stored);
  const affine = new Affine();
  const row = new Block(undefined, affine);
  const terms = defineCoordinates(row, affine, 'x', axes, 'o');
  const body = new Block(row);
  affine.declare('j', inner.size);
  store(body, size === 1 ? '0' : body.index(sumOf([...terms, 'j'])), args);
  row.lines.push(IVDEP);
  row.nest('for (int j = begin; j < end; j++)', body);
  const block = new Block();
  const share = pieces === 1 ? 'task' : `task / ${pieces}`;
  const piece = pieces === 1 ? '0' : `(int)(task % ${pieces}) * ${length}`;
  block.lines.push(`const int begin = ${piece};`);
  block.lines.push(
    pieces === 1
      ? `const int end = ${inner.size};`
      : `const int end = begin + ${length} < ${inner.size} ? begin + ${length} : ${inner.size};`,
  );
  block.lines.push(`const int first = (int)(${share}) * ${rows};`);
  block.lines.push(`const int last = first + ${rows} < ${outer} ? first + ${rows} : ${outer};`);
  block.nest('for (int o = first; o < last; o++)', row);
  return createStep('map', args, shares * pieces, block.lines);
}
