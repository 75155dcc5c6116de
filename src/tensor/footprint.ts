/** How much memory a program takes: an estimate before anything is allocated. It knows no engine. */

import type { DType } from './primitives.ts';
import { type Program, rootsOf } from './program.ts';
import { attributesOf, isOfKind, type Tensor, topologicalOrder } from './tensor.ts';

/** Bytes of one value, in 32-bit floats. */
const BYTES: { readonly [D in DType]: number } = { float: 4, int32: 4, uint8: 1, bool: 1 };

const bytesOf = ({ size, dtype }: Tensor): number => size * BYTES[dtype];

/** What only reads its operand in another shape may lie where that lies. */
const isView = ({ primitive }: Tensor): boolean =>
  primitive === 'reshape' || primitive === 'broadcast' || primitive === 'stopGradient';

/** Whether it lies with the state or the dataset, and not with the program. */
const isResident = (node: Tensor): boolean => {
  const kind = node.primitive === 'input' ? attributesOf(node, 'input').source.kind : undefined;
  return kind === 'parameter' || kind === 'data';
};

/**
 * Bytes that the program's values take together when they are most, each kept from where it is computed to where it is
 * last used, and elementwise results written over an operand that is no longer needed. Noise, arguments, constants and
 * results are kept all the time. An engine may need more.
 */
export function peakBytes(program: Program): number {
  const roots = rootsOf(program);
  const order = topologicalOrder(roots);
  const place = new Map<Tensor, Tensor>();
  const lastUser = new Map<Tensor, Tensor>();
  for (const node of order) {
    for (const operand of node.inputs) lastUser.set(place.get(operand)!, node);
    place.set(node, isView(node) ? place.get(node.inputs[0])! : node);
  }
  const kept = new Set(roots.map((root) => place.get(root)!));
  const leaves = order.filter((node) => node.inputs.length === 0);
  let live = leaves.reduce((sum, leaf) => sum + (isResident(leaf) ? 0 : bytesOf(leaf)), 0);
  let peak = live;
  for (const node of order) {
    if (node.inputs.length === 0) continue;
    const freed = [...new Set(node.inputs.map((operand) => place.get(operand)!))].filter(
      (held) => held.inputs.length > 0 && lastUser.get(held) === node && !kept.has(held),
    );
    const own = isView(node) ? 0 : bytesOf(node);
    const isInPlace = isOfKind(node, 'elementwise') && freed.some((held) => bytesOf(held) === own);
    peak = Math.max(peak, live + (isInPlace ? 0 : own));
    live += own - freed.reduce((sum, held) => sum + bytesOf(held), 0);
  }
  return peak;
}
