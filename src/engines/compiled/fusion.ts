/** Groups of stored values that one kernel computes. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import { type Shape, sameShape } from '../../tensor/shape.ts';
import { attributesOf, isOfKind, type NodeOf, type Tensor } from '../../tensor/tensor.ts';
import { isResident } from './storage.ts';

type ReductionNode = NodeOf<PrimitiveOf<'reduction'>>;

const isReduction = (node: Tensor): node is ReductionNode => isOfKind(node, 'reduction');

/** A matrix product. */
export interface Product {
  readonly kind: 'product';
  readonly node: Tensor;
}

/** One thread computes one value of each. */
export interface MapGroup {
  readonly kind: 'map';
  readonly size: number;
  readonly values: Tensor[];
}

/** Reductions of one shape over the same axes, with what can be computed on the way. */
export interface ReduceGroup {
  readonly kind: 'reduce';
  readonly domain: Shape;
  readonly axes: readonly number[];
  /** Values as large as the domain, which are stored while they are reduced. */
  readonly values: Tensor[];
  readonly reductions: ReductionNode[];
  /** Values as large as the reductions, computed from them at once. */
  readonly finals: Tensor[];
}

export type Group = Product | MapGroup | ReduceGroup;

/** What a value's expression reads of another: at its own position alone, or elsewhere too. */
type Reads = ReadonlyMap<Tensor, 'same' | 'other'>;

interface Dependence {
  readonly reads: Reads;
  /** What it reads that lies in memory beforehand. */
  readonly residents: ReadonlySet<Tensor>;
}

/** How a stored value depends on others. A reduction's positions are those of its operand. */
function dependenceOf(root: Tensor, isStored: ReadonlySet<Tensor>): Dependence {
  const reads = new Map<Tensor, 'same' | 'other'>();
  const residents = new Set<Tensor>();
  const seen = { same: new Set<Tensor>(), other: new Set<Tensor>() };
  const stack: { node: Tensor; how: 'same' | 'other' }[] = [];
  const visit = (node: Tensor, how: 'same' | 'other'): void => {
    if (isResident(node)) residents.add(node);
    if (isResident(node) || seen[how].has(node)) return;
    seen[how].add(node);
    if (isStored.has(node)) {
      if (reads.get(node) !== 'other') reads.set(node, how);
      return;
    }
    stack.push({ node, how });
  };
  const visitOperands = (node: Tensor, how: 'same' | 'other'): void => {
    const keeps = isOfKind(node, 'elementwise') || node.primitive === 'reshape' || node.primitive === 'broadcast';
    for (const operand of node.inputs) {
      const same = how === 'same' && (isReduction(node) || (keeps && operand.size === node.size));
      visit(operand, same ? 'same' : 'other');
    }
  };
  visitOperands(root, 'same');
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) visitOperands(next.node, next.how);
  return { reads, residents };
}

/**
 * Values larger than this join a group only where they read what the group reads or computes: their operands would have
 * to be kept until the group runs, for nothing but one launch less.
 */
const LARGE = 2 ** 18;
/** A thread keeps this many sums at once. */
const MOST_REDUCTIONS = 8;
/** A kernel's arguments may take 4 KiB on every GPU: 512 pointers, of which a few are not to values. */
const MOST_POINTERS = 500;

/** A group with what must be computed before it. */
interface Entry {
  /** Its place in the order in which entries were made. */
  readonly index: number;
  group: Group;
  readonly members: Set<Tensor>;
  /** All that its members read of others. */
  readonly operands: Set<Tensor>;
  /** Its members and all that they read. */
  readonly pointers: Set<Tensor>;
  /** The entries that its members read of. */
  readonly needs: Set<Entry>;
  /** The last value whose other needs depend on it: numbered, because a set for each value would take too long. */
  neededBehind: number;
}

/** Sorts stored values, each behind those it depends on, into groups, and the groups into an order to run them in. */
export function fuse(stored: readonly Tensor[]): Group[] {
  const isStored = new Set(stored);
  const entries: Entry[] = [];
  const bySize = new BySize();
  const entryOf = new Map<Tensor, Entry>();
  stored.forEach((node, i) => {
    const { reads, residents } = dependenceOf(node, isStored);
    const pointers = [node, ...reads.keys(), ...residents];
    const needed = new Set([...reads.keys()].map((other) => entryOf.get(other)!));
    const candidates = node.primitive === 'matmul' ? [] : bySize.of(positionsOf(node));
    // An entry may take in a value only if nothing that the value needs depends on the entry by way of another.
    markBehind(needed, i);
    const known = candidates.findLast(
      (entry) =>
        entry.neededBehind !== i && isNear(entry, node, reads) && hasRoom(entry, pointers) && join(entry, node, reads),
    );
    const home = known ?? createEntry(node, entries.length);
    if (known === undefined) entries.push(home);
    bySize.keep(home);
    home.members.add(node);
    for (const other of reads.keys()) home.operands.add(other);
    for (const pointer of pointers) home.pointers.add(pointer);
    for (const other of needed) if (other !== home) home.needs.add(other);
    entryOf.set(node, home);
  });
  return inOrder(entries).map(({ group }) => group);
}

const createEntry = (node: Tensor, index: number): Entry => {
  const [members, operands, pointers] = [new Set<Tensor>(), new Set<Tensor>(), new Set<Tensor>()];
  return { index, group: createGroup(node), members, operands, pointers, needs: new Set(), neededBehind: -1 };
};

/** How many positions a value is computed at. */
const positionsOf = (node: Tensor): number => (isReduction(node) ? node.inputs[0].size : node.size);

function isNear({ members, operands }: Entry, node: Tensor, reads: Reads): boolean {
  const large = Math.max(node.size, ...node.inputs.map(({ size }) => size)) > LARGE;
  return !large || [...reads.keys()].some((other) => members.has(other) || operands.has(other));
}

/** A value alone has room: longer expressions are cut (storage.ts). */
const hasRoom = ({ pointers }: Entry, more: readonly Tensor[]): boolean =>
  pointers.size + more.length <= MOST_POINTERS ||
  pointers.size + more.filter((pointer) => !pointers.has(pointer)).length <= MOST_POINTERS;

/** Marks all that these depend on, directly or not. */
function markBehind(entries: Iterable<Entry>, mark: number): void {
  const stack = [...entries];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    for (const earlier of next.needs) {
      if (earlier.neededBehind === mark) continue;
      earlier.neededBehind = mark;
      stack.push(earlier);
    }
  }
}

/** Entries by the numbers of positions at which they compute: no other value can join them. Each list in its order. */
class BySize {
  private readonly lists = new Map<number, Entry[]>();

  of = (positions: number): readonly Entry[] => this.lists.get(positions) ?? [];

  keep(entry: Entry): void {
    for (const size of sizesOf(entry.group)) {
      const list = this.lists.get(size) ?? [];
      this.lists.set(size, list);
      const place = list.findLastIndex(({ index }) => index <= entry.index);
      if (list[place] !== entry) list.splice(place + 1, 0, entry);
    }
  }
}

function sizesOf(group: Group): readonly number[] {
  if (group.kind === 'product') return [];
  if (group.kind === 'map') return [group.size];
  const [first] = group.reductions;
  return [first.inputs[0].size, first.size];
}

/** Behind all that it depends on; otherwise as they were made. */
function inOrder(entries: readonly Entry[]): Entry[] {
  const seen = new Set<Entry>();
  const order: Entry[] = [];
  // An explicit stack: a deep network must not overflow the call stack.
  const stack: { readonly entry: Entry; readonly before: Entry[] }[] = [];
  const visit = (entry: Entry): void => {
    if (seen.has(entry)) return;
    seen.add(entry);
    stack.push({ entry, before: unplacedBefore(entry, seen) });
  };
  for (const entry of entries) {
    visit(entry);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const earlier = top.before.pop();
      if (earlier !== undefined) visit(earlier);
      else order.push(stack.pop()!.entry);
    }
  }
  return order;
}

/** The dependencies of an entry that are not yet visited, the oldest last. */
function unplacedBefore({ needs }: Entry, seen: ReadonlySet<Entry>): Entry[] {
  const found = new Set<Entry>();
  const stack = [...needs];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (seen.has(next) || found.has(next)) continue;
    found.add(next);
    stack.push(...next.needs);
  }
  return [...found].sort((a, b) => b.index - a.index);
}

function createGroup(node: Tensor): Group {
  if (node.primitive === 'matmul') return { kind: 'product', node };
  if (!isReduction(node)) return { kind: 'map', size: node.size, values: [node] };
  return { ...emptyReduction(node), reductions: [node] };
}

const emptyReduction = (node: ReductionNode): ReduceGroup => ({
  kind: 'reduce',
  ...domainOf(node),
  values: [],
  reductions: [],
  finals: [],
});

/** A reduction's operand with as few axes as say the same: neighbours that are both reduced, or both not, are one. */
function domainOf(node: ReductionNode): {
  readonly domain: Shape;
  readonly axes: readonly number[];
} {
  const { axes } = attributesOf(node, node.primitive);
  const runs: { size: number; readonly isReduced: boolean }[] = [];
  node.inputs[0].shape.forEach((size, axis) => {
    if (size === 1) return;
    const isReduced = axes.includes(axis);
    const last = runs.at(-1);
    if (last?.isReduced === isReduced) last.size *= size;
    else runs.push({ size, isReduced });
  });
  return {
    domain: runs.map(({ size }) => size),
    axes: runs.flatMap(({ isReduced }, axis) => (isReduced ? [axis] : [])),
  };
}

/** Takes a value into a group where one kernel can compute it with the others; says whether it did. */
function join(entry: Entry, node: Tensor, reads: Reads): boolean {
  const { group } = entry;
  if (group.kind === 'product' || node.primitive === 'matmul') return false;
  const readsHere = [...reads].filter(([other]) => entry.members.has(other));
  if (readsHere.some(([, how]) => how === 'other')) return false;
  const within = (values: readonly Tensor[]): boolean => readsHere.every(([other]) => values.includes(other));
  if (group.kind === 'map') {
    if (!isReduction(node)) {
      if (node.size !== group.size) return false;
      group.values.push(node);
      return true;
    }
    // What was one value a thread is now computed on the way of the reduction.
    if (node.inputs[0].size !== group.size || readsHere.length === 0) return false;
    entry.group = { ...emptyReduction(node), values: group.values, reductions: [node] };
    return true;
  }
  const [first] = group.reductions;
  if (isReduction(node)) {
    const isFull = group.reductions.length === MOST_REDUCTIONS;
    if (isFull || !reducesAlike(node, group) || !within(group.values)) return false;
    group.reductions.push(node);
    return true;
  }
  const isDistinct = first.size !== first.inputs[0].size;
  if (node.size === first.inputs[0].size && isDistinct && within(group.values)) {
    group.values.push(node);
    return true;
  }
  // Finals need what was reduced; what does not need it should not wait for it.
  if (
    node.size === first.size &&
    isDistinct &&
    readsHere.length > 0 &&
    within([...group.reductions, ...group.finals])
  ) {
    group.finals.push(node);
    return true;
  }
  return false;
}

function reducesAlike(node: ReductionNode, { domain, axes }: ReduceGroup): boolean {
  const own = domainOf(node);
  return sameShape(own.domain, domain) && sameShape(own.axes, axes);
}
