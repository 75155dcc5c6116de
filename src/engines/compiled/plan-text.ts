/** A plan's steps as text, for people: one line a step. */

import { formatShape } from '../../tensor/shape.ts';
import { attributesOf, isOfKind, scalarValue, type Tensor } from '../../tensor/tensor.ts';
import type { Use } from './buffers.ts';
import type { Plan, ProductStep } from './plan.ts';
import { isResident } from './storage.ts';

/** Names longer than this end in dots. */
const LONGEST = 160;

/** What a target makes of a group that is no product. */
interface KernelStep extends Use {
  readonly kind: 'kernel';
}

interface Steps<Kernel> extends Pick<Plan, 'name' | 'outputs' | 'gradients'> {
  readonly steps: readonly (ProductStep | Kernel)[];
}

/**
 * The plan, one line a step: what runs it, what it reads, and what it leaves, with all that is fused into it.
 * @param titleOf a target's name of a kernel.
 */
export function formatPlan<Kernel extends KernelStep>(
  plan: Steps<Kernel>,
  titleOf: (kernel: Kernel) => string,
): string {
  const names = new Map<Tensor, string>();
  const nameOf = (node: Tensor): string => {
    const known = names.get(node) ?? leafName(node) ?? `%${names.size}`;
    if (leafName(node) === undefined) names.set(node, known);
    return known;
  };
  const isStored = new Set(plan.steps.flatMap(({ written }) => [...written]));
  const expression = (node: Tensor, own: boolean): string => {
    const scalar = scalarValue(node);
    if (scalar !== undefined) return String(Number(scalar.toPrecision(4)));
    if (!own && (isStored.has(node) || isResident(node))) return nameOf(node);
    if (node.inputs.length === 0) return nameOf(node);
    const operands = node.inputs.map((operand) => expression(operand, false)).join(', ');
    const axes = isOfKind(node, 'reduction') ? ` over ${attributesOf(node, node.primitive).axes}` : '';
    const text = `${node.primitive}(${operands})${axes}`;
    return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  };
  const describe = (step: ProductStep | Kernel): string => {
    if (step.kind === 'product') {
      const [a, b, c] = step.operands;
      const { transposeA, transposeB } = step.shape;
      const factors = `${nameOf(a)}${transposeA ? 'ᵀ' : ''} × ${nameOf(b)}${transposeB ? 'ᵀ' : ''}`;
      return `product        ${nameOf(c)} ${formatShape(c.shape)} = ${factors}`;
    }
    const values = step.written.flatMap((target) => ('floats' in target ? [] : [target]));
    const lines = values.map((node) => `${nameOf(node)} ${formatShape(node.shape)} = ${expression(node, true)}`);
    const what = titleOf(step).padEnd(14);
    return `${what} ${lines.length > 0 ? lines.join('\n                    ') : 'pieces'}`;
  };
  const products = plan.steps.filter(({ kind }) => kind === 'product').length;
  const title = `schedule ${plan.name}: ${products} products, ${plan.steps.length - products} kernels`;
  const steps = plan.steps.map((step, i) => `  ${String(i + 1).padStart(2)} ${describe(step)}`);
  const results = [
    ...Object.entries(plan.outputs).map(([name, node]) => `  ${name} = ${nameOf(node)}`),
    ...Object.entries(plan.gradients).map(([name, node]) => `  ∂loss/∂${name} = ${nameOf(node)}`),
  ];
  return [title, ...steps, 'gives', ...results].join('\n');
}

function leafName(node: Tensor): string | undefined {
  if (node.primitive === 'constant') return `table${formatShape(node.shape)}`;
  if (node.primitive !== 'input') return undefined;
  const { source } = attributesOf(node, 'input');
  return source.kind === 'noise' ? `noise "${source.stream}"` : source.name;
}
