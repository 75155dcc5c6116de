/** Which of a program's values get a place in memory; all others are computed where they are needed, again each time. */

import { isKind, type Primitive, type PrimitiveOf } from '../../tensor/primitives.ts';
import { attributesOf, isOfKind, operation, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { core } from './core.ts';
import { expressions } from './expressions.ts';
import { DRAW_COST } from './noise.ts';
import { windowsOf } from './windows.ts';

interface Storing {
  /** Whether it always has a place, because other threads need it whole. */
  readonly isWhole: boolean;
  /** Whether the values of a result share its operands' among them; else each reads one value of every operand. */
  readonly isShared: boolean;
  /** Whether some values come from one operand, and others from another or from none. */
  readonly isBranched?: boolean;
}

const WHOLE = { isWhole: true, isShared: false } as const;
const FOLDED = { isWhole: true, isShared: true } as const;
const MOVED = { isWhole: false, isShared: false } as const;
const SPREAD = { isWhole: false, isShared: true, isBranched: true } as const;

/** For what is not elementwise. */
const storing: { readonly [P in Exclude<Primitive, PrimitiveOf<'elementwise'>>]: Storing } = {
  constant: MOVED,
  input: MOVED,
  matmul: WHOLE,
  convolve: WHOLE,
  convolveTransposed: WHOLE,
  convolveFilter: WHOLE,
  gather: MOVED,
  scatterAdd: FOLDED,
  sum: FOLDED,
  max: FOLDED,
  logSumExp: FOLDED,
  reshape: MOVED,
  transpose: MOVED,
  broadcast: MOVED,
  slice: MOVED,
  pad: SPREAD,
  concat: SPREAD,
};

const storingOf = ({ primitive }: Tensor): Storing => (isKind(primitive, 'elementwise') ? MOVED : storing[primitive]);

/** Costs in additions: of four bytes read or written, and of one more kernel. */
const ACCESS_COST = 16;
const LAUNCH_COST = 2 ** 24;
/** Fewer values than this are computed by vectors or not, as it comes. */
const MANY = 2 ** 12;
/** An expression longer than this is cut, so that no kernel grows without bound. */
const LONGEST = 4000;

export interface Storage {
  /** Every value with a place, in an order in which they can be computed. */
  readonly stored: readonly Tensor[];
  /** The program's results: distinct, stored, in the order of the roots. */
  readonly results: readonly Tensor[];
}

/** Whether it lies in memory before anything is computed. */
export const isResident = (node: Tensor): boolean =>
  node.primitive === 'constant' || (node.primitive === 'input' && attributesOf(node, 'input').source.kind !== 'noise');

/** What a target can do. */
export interface Abilities {
  /** Whether products read windows of images where the images lie: then only these are stored. */
  readonly readsWindows?: boolean;
  /** Columns that fill a product's vectors. */
  readonly columns?: number;
  /** Whether what is repeated along rows or columns stays in a cache that costs nothing to read. */
  readonly cachesRepeated?: boolean;
  /** What it costs to find the position of a value that is moved, in additions. */
  readonly moving?: number;
  /** What one more kernel costs. */
  readonly launching?: number;
  /** What may be computed behind a branch, which is not computed by vectors. */
  readonly branching?: number;
}

/** Decides for the values of these roots. */
export function planStorage(roots: readonly Tensor[], abilities: Abilities = {}): Storage {
  const results = distinctResults(roots);
  const order = topologicalOrder(results);
  const isStored = new Set<Tensor>(results);
  for (const node of order) {
    if (storingOf(node).isWhole) isStored.add(node);
    if (node.primitive !== 'matmul') continue;
    node.inputs.forEach((operand, i) => {
      const windows = abilities.readsWindows && i === 0 ? windowsOf(operand) : undefined;
      const needed = windows?.image ?? core(operand);
      if (!isResident(needed)) isStored.add(needed);
    });
  }
  storeWhatIsExpensive(order, isStored, abilities);
  return { stored: order.filter((node) => isStored.has(node)), results };
}

/** A root that is in memory anyway, or is another root too, becomes a copy: every result has a place of its own. */
function distinctResults(roots: readonly Tensor[]): Tensor[] {
  const taken = new Set<Tensor>();
  return roots.map((root) => {
    const inner = core(root);
    const result = isResident(inner) || taken.has(inner) ? operation('reshape', [inner], { shape: root.shape }) : inner;
    taken.add(result);
    return result;
  });
}

/** Adds what is cheaper to keep than to compute each time that it is needed. */
function storeWhatIsExpensive(order: readonly Tensor[], isStored: Set<Tensor>, abilities: Abilities): void {
  const costs = costsOf(order, isStored, abilities);
  // How often each stored value's kernel evaluates a value: once a position, by however many ways it is needed there.
  const evaluations = new Map<Tensor, ReadonlyMap<Tensor, number>>();
  // Users come before what they use.
  for (const node of [...order].reverse()) {
    const kernels = evaluations.get(node) ?? new Map<Tensor, number>();
    evaluations.delete(node);
    const asked = [...kernels.values()].reduce((sum, times) => sum + times, 0);
    const cost = costs.get(node)!;
    const keeping = node.size * ACCESS_COST + asked * ACCESS_COST + (abilities.launching ?? LAUNCH_COST);
    // What only moves values costs no more than its operands, which are kept instead.
    const isCandidate = isOfKind(node, 'elementwise') && !isStored.has(node);
    if (isCandidate && (asked - node.size) * cost > keeping) isStored.add(node);
    const times = isStored.has(node) ? new Map([[node, node.size]]) : kernels;
    for (const operand of new Set(node.inputs)) {
      if (isResident(operand)) continue;
      evaluations.set(operand, withMore(evaluations.get(operand), times, readsOf(node, operand)));
    }
  }
}

/** The larger number of evaluations in each kernel: the same value is computed once. */
function withMore(
  known: ReadonlyMap<Tensor, number> | undefined,
  times: ReadonlyMap<Tensor, number>,
  reads: number,
): ReadonlyMap<Tensor, number> {
  if (known === undefined && reads === 1) return times;
  const all = new Map(known);
  for (const [kernel, count] of times) all.set(kernel, Math.max(all.get(kernel) ?? 0, count * reads));
  return all;
}

/** How often one evaluation of a node evaluates an operand. */
const readsOf = (node: Tensor, operand: Tensor): number => (storingOf(node).isShared ? operand.size / node.size : 1);

/** Whether its values stand in another order than its operand's. */
const isMoved = ({ primitive }: Tensor): boolean => primitive === 'transpose' || primitive === 'gather';

/** Additions that one evaluation of each value takes; what grows too long is stored at once. */
function costsOf(
  order: readonly Tensor[],
  isStored: Set<Tensor>,
  { cachesRepeated = false, moving = 1, branching = Number.POSITIVE_INFINITY }: Abilities,
): ReadonlyMap<Tensor, number> {
  const costs = new Map<Tensor, number>();
  for (const node of order) {
    const own = isOfKind(node, 'elementwise') ? expressions[node.primitive].cost : isMoved(node) ? moving : 1;
    const drawn = node.primitive === 'input' && !isResident(node) ? DRAW_COST : own;
    const operands = node.inputs.map((operand) => {
      const isRead = isStored.has(core(operand)) || isResident(core(operand));
      const cost = isRead ? ACCESS_COST : costs.get(operand)!;
      // What is one value a row is there once a row, read or computed.
      const isCached = cachesRepeated && (isRead || operand.shape.at(-1) === 1);
      return isCached ? cost * Math.min(1, operand.size / node.size) : cost;
    });
    const total = operands.reduce((sum, cost) => sum + cost, drawn);
    if (storingOf(node).isBranched && node.size >= MANY) {
      for (const operand of node.inputs) if (costs.get(operand)! > branching) isStored.add(core(operand));
      if (Number.isFinite(branching) && node.primitive === 'concat') isStored.add(node);
    }
    if (total > LONGEST && node.inputs.length > 0 && core(node) === node) isStored.add(node);
    costs.set(node, total);
  }
  return costs;
}
