/** Noise as steps: it is drawn into memory, many blocks of Philox at once, before anything reads it. */

import { hashName, type NoiseDistribution } from '../../random/random.ts';
import { inputsOf, mapProgram, type Program } from '../../tensor/program.ts';
import { argument, attributesOf, type Tensor } from '../../tensor/tensor.ts';
import { createStep, type Step, StepArguments, tasksFor } from './steps.ts';

export interface Draw {
  readonly stream: string;
  readonly distribution: NoiseDistribution;
  /** What stands for it in the program, as if it were handed over. */
  readonly node: Tensor;
}

/** No argument of a caller has such a name. */
const nameOf = (stream: string): string => `noise ${stream}`;

/** The program with its noise as arguments, and what they are. */
export function withNoiseDrawn(program: Program): { readonly program: Program; readonly draws: readonly Draw[] } {
  const nodes = new Map<string, Tensor>();
  const drawn = mapProgram(program, (node) => {
    if (node.primitive !== 'input') return undefined;
    const { source } = attributesOf(node, 'input');
    if (source.kind !== 'noise') return undefined;
    const known = nodes.get(source.stream) ?? argument(nameOf(source.stream), node.shape);
    nodes.set(source.stream, known);
    return known;
  });
  const draws = inputsOf(program, 'noise').map(({ source }) => ({ ...source, node: nodes.get(source.stream)! }));
  return { program: drawn, draws };
}

/** Values of one block of four words, and the function that makes them. */
const FILLS: { readonly [K in NoiseDistribution['kind']]: readonly [values: number, name: string] } = {
  uniform: [4, 'vae_fill_uniform'],
  standardNormal: [4, 'vae_fill_normal'],
  bernoulli: [8, 'vae_fill_bernoulli'],
};

const HALF_WORDS = 2 ** 16;

export function drawStep({ stream, distribution, node }: Draw): Step {
  const args = new StepArguments(new Set([node]));
  const [values, fill] = FILLS[distribution.kind];
  const blocks = Math.ceil(node.size / values);
  const each = Math.ceil(blocks / tasksFor(node.size));
  const call = args.pointerToCall();
  const threshold = distribution.kind === 'bernoulli' ? `, ${Math.round(distribution.probability * HALF_WORDS)}u` : '';
  return createStep('draw', args, Math.ceil(blocks / each), [
    `const struct vae_noise noise = {{${call}[2], ${hashName(stream)}u, ${call}[3]}, {${call}[0], ${call}[1]}};`,
    `${fill}(${args.output(node)}, ${node.size}, task * ${each}, ${each}, &noise${threshold});`,
  ]);
}
