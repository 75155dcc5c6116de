/** What a layer is, and layers in a row. */

import type { Tensor } from '../tensor/tensor.ts';
import type { Parameter } from './parameter.ts';

/** Dropout acts in training and not in evaluation. */
export type Mode = 'training' | 'evaluation';

export interface Layer {
  readonly parameters: readonly Parameter[];
  /** The same layer as PyTorch prints it: what a state_dict with these names belongs to. */
  readonly pytorch: string;
  apply(x: Tensor, mode: Mode): Tensor;
}

/** A layer that has yet to learn its name, from which its parameters and noise take theirs. */
export type LayerBuilder = (name: string) => Layer;

/** Layers in a row, named by their positions as in torch.nn.Sequential. Without any, the identity. */
export function sequential(name: string, builders: readonly LayerBuilder[]): Layer {
  const layers = builders.map((build, i) => build(`${name}.${i}`));
  return {
    parameters: layers.flatMap((layer) => layer.parameters),
    pytorch: printModule('Sequential', Object.fromEntries(layers.entries())),
    apply: (x, mode) => layers.reduce((value, layer) => layer.apply(value, mode), x),
  };
}

/** A module of layers as PyTorch prints it: a line for each, those inside it indented. */
export function printModule(kind: string, layers: Readonly<Record<string, Layer>>): string {
  const lines = Object.entries(layers).map(([name, { pytorch }]) => `  (${name}): ${pytorch.replaceAll('\n', '\n  ')}`);
  return lines.length === 0 ? `${kind}()` : [`${kind}(`, ...lines, ')'].join('\n');
}
