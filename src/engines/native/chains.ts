/**
 * Chains: what can be computed row by row in one pass, of which only what others read goes to memory. A norm over channels
 * with the activation around it and the sums of its gradient is one chain, and so is all that follows a product at its own
 * position, whose rows are computed just before.
 */

import type { Tensor } from '../../tensor/tensor.ts';
import { dependenceOf, type Group, type MapGroup, type Product, type ReduceGroup } from '../compiled/fusion.ts';
import { type Frame, type Level, readsInFrame } from './frames.ts';

export interface Chain {
  readonly kind: 'chain';
  readonly frame: Frame;
  /** Whose rows it begins with. */
  readonly product: Product | undefined;
  /** What is computed in a row, in an order to compute it: the product first, if there is one. */
  readonly members: ReadonlyMap<Tensor, Level>;
  /** Sums of columns, with what is computed from them once all rows are there. */
  readonly columns: readonly ReduceGroup[];
  /** What has a place in memory. */
  readonly kept: ReadonlySet<Tensor>;
}

/** A chain that begins with a product. */
export type ProductChain = Chain & { readonly product: Product };

export type Work = Chain | MapGroup | ReduceGroup;

/** Rows shorter than this leave most of a vector empty; longer ones fill a thread's stack. */
const [LEAST_COLUMNS, MOST_COLUMNS] = [16, 1024];
/** Fewer rows than this are too few to share out. */
const LEAST_ROWS = 16;
/** A loop over more values than this has to keep too many addresses. */
const MOST_MEMBERS = 48;

/** Groups that are computed together. */
class Item {
  readonly index: number;
  readonly groups: readonly Group[];
  readonly product: Product | undefined;
  /** Undefined where any that has as many values will do. */
  readonly frame: Frame | undefined;
  readonly members: ReadonlySet<Tensor>;
  /** What they read of others. */
  readonly needs: ReadonlySet<Tensor>;

  constructor(index: number, groups: readonly Group[], readsOf: (node: Tensor) => Iterable<Tensor>) {
    this.index = index;
    this.groups = groups;
    this.product = groups.find((group) => group.kind === 'product');
    this.frame = groups.map(frameOf).find((frame) => frame !== undefined);
    this.members = new Set(groups.flatMap(membersOf));
    this.needs = new Set([...this.members].flatMap((node) => [...readsOf(node)].filter((n) => !this.members.has(n))));
  }

  /** What has a value for each position, or one for each row or column; undefined where it fits into no such frame. */
  levels(frame: Frame): ReadonlyMap<Tensor, Level> | undefined {
    const levels = new Map<Tensor, Level>();
    for (const group of this.groups) {
      for (const [node, level] of levelsOf(group, frame)) {
        if (level === undefined) return undefined;
        levels.set(node, level);
      }
    }
    return levels;
  }

  /** Whether it consists of values alone, so that it can be computed from any piece of a row. */
  isOfValues(frame: Frame): boolean {
    return [...(this.levels(frame)?.values() ?? [])].every((level) => level === 'value');
  }
}

const membersOf = (group: Group): readonly Tensor[] => {
  switch (group.kind) {
    case 'product':
      return [group.node];
    case 'map':
      return group.values;
    case 'reduce':
      return [...group.values, ...group.reductions, ...group.finals];
  }
};

function frameOf(group: Group): Frame | undefined {
  if (group.kind === 'map') return undefined;
  const [rows, columns = 0] = group.kind === 'product' ? group.node.shape : group.domain;
  return { rows, columns };
}

function levelsOf(group: Group, { rows, columns }: Frame): (readonly [Tensor, Level | undefined])[] {
  switch (group.kind) {
    case 'product':
      return [[group.node, 'value']];
    case 'map': {
      const level = group.size === rows * columns ? 'value' : group.size === rows ? 'row' : undefined;
      return group.values.map((node) => [node, level] as const);
    }
    case 'reduce': {
      const level = group.domain.length !== 2 ? undefined : group.axes[0] === 1 ? 'row' : columnLevel(group);
      const folded = [...group.reductions, ...group.finals].map((node) => [node, level] as const);
      return [...group.values.map((node) => [node, 'value'] as const), ...folded];
    }
  }
}

/** Columns are folded in one pass over the rows. */
const columnLevel = ({ reductions }: ReduceGroup): Level | undefined =>
  reductions.some(({ primitive }) => primitive === 'logSumExp') ? undefined : 'column';

/**
 * @param results what has a place for another reason than that something reads it.
 * @param holdsRows whether whole rows of a product are there at once.
 */
export function withChains(
  groups: readonly Group[],
  stored: ReadonlySet<Tensor>,
  results: ReadonlySet<Tensor>,
  holdsRows: (product: Product) => boolean,
): readonly Work[] {
  const known = new Map<Tensor, readonly Tensor[]>();
  const readsOf = (node: Tensor): readonly Tensor[] => {
    const reads = known.get(node) ?? [...dependenceOf(node, stored).reads.keys()];
    known.set(node, reads);
    return reads;
  };
  const maker = new Map<Tensor, Item>();
  const keep = (item: Item): Item => {
    for (const node of item.members) maker.set(node, item);
    return item;
  };
  const items = new Set(groups.map((group, index) => keep(new Item(index, [group], readsOf))));
  for (let item of [...items]) {
    if (!items.has(item)) continue;
    for (let source = sourceFor(item, maker, stored, holdsRows); source !== undefined; ) {
      items.delete(source);
      items.delete(item);
      item = keep(new Item(item.index, [...source.groups, ...item.groups], readsOf));
      items.add(item);
      source = sourceFor(item, maker, stored, holdsRows);
    }
  }
  const needed = new Set([...items].flatMap(({ needs }) => [...needs]));
  const order = new Map([...stored].map((node, i) => [node, i] as const));
  const isKept = (node: Tensor): boolean => needed.has(node) || results.has(node);
  return [...items].map((item) => workOf(item, order, isKept, readsOf));
}

/** The last made of those that an item needs something of, with which it can be computed in one pass. */
function sourceFor(
  item: Item,
  maker: ReadonlyMap<Tensor, Item>,
  stored: ReadonlySet<Tensor>,
  holdsRows: (product: Product) => boolean,
): Item | undefined {
  const sources = new Set([...item.needs].map((node) => maker.get(node)!));
  return [...sources]
    .sort((a, b) => b.index - a.index)
    .find((source) => {
      if (source.product !== undefined && item.product !== undefined) return false;
      if (source.members.size + item.members.size > MOST_MEMBERS) return false;
      const product = source.product ?? item.product;
      const frame = product === undefined ? (source.frame ?? item.frame) : frameOf(product);
      return (
        frame !== undefined &&
        [source, item].every((one) => one.frame === undefined || isSame(one.frame, frame)) &&
        (isPiecemeal(source, item, frame) || hasWholeRows(frame, product, holdsRows)) &&
        isAligned(source, item, frame, stored) &&
        !dependsOn(
          [...item.needs].filter((node) => !source.members.has(node)),
          source,
          maker,
        )
      );
    });
}

const isSame = (a: Frame, b: Frame): boolean => a.rows === b.rows && a.columns === b.columns;
const isPiecemeal = (a: Item, b: Item, frame: Frame): boolean =>
  (a.product ?? b.product) !== undefined && a.isOfValues(frame) && b.isOfValues(frame);

const hasWholeRows = (
  { rows, columns }: Frame,
  product: Product | undefined,
  holdsRows: (product: Product) => boolean,
): boolean =>
  columns >= LEAST_COLUMNS &&
  columns <= MOST_COLUMNS &&
  rows >= LEAST_ROWS &&
  (product === undefined || holdsRows(product));

/** Whether all that an item reads of its source is at its own position or row. */
function isAligned(source: Item, item: Item, frame: Frame, stored: ReadonlySet<Tensor>): boolean {
  const [there, here] = [source.levels(frame), item.levels(frame)];
  if (there === undefined || here === undefined) return false;
  const folded = new Set(item.groups.flatMap((group) => (group.kind === 'reduce' ? group.finals : [])));
  for (const [node, level] of here) {
    // What follows from sums of columns is computed later, from memory.
    if (level === 'column' && folded.has(node)) continue;
    for (const [other, how] of readsInFrame(node, level, frame, stored)) {
      if (there.has(other) && (how !== there.get(other) || how === 'column')) return false;
    }
  }
  return true;
}

/** Whether any of these needs what an item makes, by way of others too. */
function dependsOn(nodes: readonly Tensor[], item: Item, maker: ReadonlyMap<Tensor, Item>): boolean {
  const seen = new Set<Item>();
  const stack = nodes.map((node) => maker.get(node)!);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next === item) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    for (const node of next.needs) stack.push(maker.get(node)!);
  }
  return false;
}

function workOf(
  item: Item,
  order: ReadonlyMap<Tensor, number>,
  isKept: (node: Tensor) => boolean,
  readsOf: (node: Tensor) => Iterable<Tensor>,
): Work {
  const { groups, product } = item;
  if (groups.length === 1 && groups[0].kind !== 'product') return groups[0];
  const frame = product ? frameOf(product)! : item.frame!;
  const columns = groups.filter((group): group is ReduceGroup => group.kind === 'reduce' && group.axes[0] === 0);
  const later = new Set(columns.flatMap(({ finals }) => finals));
  const read = new Set([...later].flatMap((node) => [...readsOf(node)]));
  const members = [...item.levels(frame)!].filter(([node]) => !later.has(node));
  members.sort(([a], [b]) => order.get(a)! - order.get(b)!);
  return {
    kind: 'chain',
    frame,
    product,
    members: new Map(members),
    columns,
    kept: new Set([...item.members].filter((node) => isKept(node) || read.has(node))),
  };
}
