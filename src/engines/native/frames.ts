/** Which values can be computed row by row: what each reads of others at its own row alone. */

import { type Shape, sameShape } from '../../tensor/shape.ts';
import { isOfKind, type Tensor } from '../../tensor/tensor.ts';
import { isResident } from '../compiled/storage.ts';

/** Rows of values as neighbours lie in memory. */
export interface Frame {
  readonly rows: number;
  readonly columns: number;
}

/** What a tensor has in a frame: every value, one a row, or one a column. */
export type Level = 'value' | 'row' | 'column';

/** How an expression reads another tensor: at its own position, at its own row, or elsewhere too. */
export type FrameReads = ReadonlyMap<Tensor, Level | 'other'>;

/** The stored tensors that an expression reads whose positions are at that level. */
export function readsInFrame(
  root: Tensor,
  level: Level,
  { columns }: Frame,
  isStored: ReadonlySet<Tensor>,
): FrameReads {
  const reads = new Map<Tensor, Level | 'other'>();
  const seen = new Map<Tensor, Set<string>>();
  const stack: { node: Tensor; how: Level | 'other' }[] = [];
  const visit = (node: Tensor, how: Level | 'other'): void => {
    const known = seen.get(node) ?? new Set();
    if (isResident(node) || known.has(how)) return;
    seen.set(node, known.add(how));
    if (!isStored.has(node)) stack.push({ node, how });
    else reads.set(node, (reads.get(node) ?? how) === how ? how : 'other');
  };
  // A reduction reads all values of its row, or of its column.
  if (isOfKind(root, 'reduction')) visit(root.inputs[0], 'value');
  else for (const operand of root.inputs) visit(operand, levelOf(root, level, operand, columns));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node, how } = next;
    for (const operand of node.inputs) visit(operand, levelOf(node, how, operand, columns));
  }
  return reads;
}

function levelOf(node: Tensor, how: Level | 'other', operand: Tensor, columns: number): Level | 'other' {
  const repeats = isOfKind(node, 'elementwise') || node.primitive === 'broadcast';
  if (how === 'other' || !(repeats || node.primitive === 'reshape')) return 'other';
  if (operand.size === node.size) return how;
  return how === 'value' && repeats && isOneARow(operand.shape, node.shape, columns) ? 'row' : 'other';
}

/** Whether a shape that broadcasts to another has one value for each row of it. */
function isOneARow(shape: Shape, whole: Shape, columns: number): boolean {
  const padded = [...new Array<number>(whole.length - shape.length).fill(1), ...shape];
  let [axis, size] = [whole.length, 1];
  while (axis > 0 && size < columns && padded[axis - 1] === 1) size *= whole[--axis];
  return size === columns && sameShape(padded.slice(0, axis), whole.slice(0, axis));
}
