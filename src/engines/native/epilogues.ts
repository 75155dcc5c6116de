/**
 * Products with what follows them: values that read a product at their own position alone are computed from each tile
 * while it is in the cache, and the product itself is stored only where something else needs it.
 */

import type { Tensor } from '../../tensor/tensor.ts';
import { dependenceOf, type Group, type Product, type Reads } from '../compiled/fusion.ts';

/** A product and the values that are computed from its tiles. */
export interface Multiplication extends Product {
  readonly epilogue: readonly Tensor[];
  /** Whether the product itself has a place. */
  readonly isStored: boolean;
}

export type Work = Multiplication | Exclude<Group, Product>;

/** A group with what it reads of others. */
interface Item {
  group: Group;
  readonly epilogue: Tensor[];
  readonly needs: Set<Tensor>;
}

/** @param results what has a place for another reason than that a group reads it. */
export function withEpilogues(
  groups: readonly Group[],
  stored: ReadonlySet<Tensor>,
  results: ReadonlySet<Tensor>,
): readonly Work[] {
  const reads = new Map<Tensor, Reads>();
  const readsOf = (node: Tensor): Reads => {
    const known = reads.get(node) ?? dependenceOf(node, stored).reads;
    reads.set(node, known);
    return known;
  };
  const maker = new Map<Tensor, Item>();
  const items = groups.map((group): Item => {
    const members = membersOf(group);
    const needs = new Set(members.flatMap((node) => [...readsOf(node).keys()]));
    for (const node of members) needs.delete(node);
    const item = { group, epilogue: [], needs };
    for (const node of members) maker.set(node, item);
    return item;
  });

  const left = items.filter((item) => {
    const { group } = item;
    if (group.kind === 'product') return true;
    const home = homeOf(group.values, readsOf, maker);
    if (home === undefined) return true;
    const all = new Set(group.values.flatMap((node) => [...readsOf(node).keys()]));
    home.epilogue.push(...group.values);
    for (const node of group.values) all.delete(node);
    for (const node of all) if (maker.get(node) !== home) home.needs.add(node);
    for (const node of group.values) maker.set(node, home);
    if (group.kind === 'map') return false;
    item.group = { ...group, values: [] };
    for (const node of group.values) item.needs.add(node);
    return true;
  });
  const needed = new Set(left.flatMap(({ needs }) => [...needs]));
  return left.map(({ group, epilogue }): Work => {
    if (group.kind !== 'product') return group;
    const { node } = group;
    return { ...group, epilogue, isStored: epilogue.length === 0 || needed.has(node) || results.has(node) };
  });
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

/** The product from whose tiles these values can be computed: nothing else that they read may depend on it. */
function homeOf(
  values: readonly Tensor[],
  readsOf: (node: Tensor) => Reads,
  maker: ReadonlyMap<Tensor, Item>,
): Item | undefined {
  const all = new Set(values.flatMap((node) => [...readsOf(node).keys()]));
  const candidates = [...all].filter((node) => {
    const item = maker.get(node);
    if (item?.group.kind !== 'product' || item.epilogue.length > 0 || node.size !== values[0].size) return false;
    return values.every((value) => readsOf(value).get(node) !== 'other');
  });
  const product = candidates.findLast((node) => {
    const home = maker.get(node)!;
    const others = [...all].filter((other) => other !== node && !values.includes(other));
    return !dependsOn(others, home, maker);
  });
  return product && maker.get(product);
}

/** Whether any of these needs what an item makes, by way of others too. */
function dependsOn(nodes: readonly Tensor[], item: Item, maker: ReadonlyMap<Tensor, Item>): boolean {
  const seen = new Set<Item>();
  const stack = nodes.map((node) => maker.get(node));
  for (let next = stack.pop(); stack.length > 0 || next !== undefined; next = stack.pop()) {
    if (next === item) return true;
    if (next === undefined || seen.has(next)) continue;
    seen.add(next);
    for (const node of next.needs) stack.push(maker.get(node));
  }
  return false;
}
