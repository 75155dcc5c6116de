/** Inverse autoregressive flows: Kingma et al. (2016), whose networks are MADEs: Germain et al. (2015). */

import { createParameter, initializers, type Parameter } from '../../nn/parameter.ts';
import { constant, type Tensor } from '../../tensor/tensor.ts';
import { type Flow, type FlowConfig, inSequence } from './flow.ts';

/** Opens the gate at first: σ(2) = 0.88 of each latent passes, and the flow begins near the identity. */
const GATE_BIAS = 2;

/** A mask [to, from] that is 1 where a connection keeps the order. */
function mask(to: readonly number[], from: readonly number[], allows: (to: number, from: number) => boolean): Tensor {
  const values = to.flatMap((t) => from.map((f) => Number(allows(t, f))));
  return constant(Float32Array.from(values), [to.length, from.length]);
}

const spread = (count: number, top: number): number[] =>
  Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.floor((i * top) / count)));

/**
 * One step z′ᵢ = gᵢ zᵢ + (1 − gᵢ) mᵢ with gᵢ = σ(sᵢ + 2), where mᵢ and sᵢ depend on the latents before the i-th and on
 * the image's context; log |det ∂z′/∂z| = Σ log gᵢ (eqs. 10, 13 and 14). `backwards` counts the latents from the last.
 *
 * The network has two hidden layers. A hidden unit of degree d sees the latents 1 to d, by way of units of no higher
 * degree, and the i-th output sees the units of degree below i; the first output sees those of degree 0, which know the
 * context alone.
 */
function autoregressiveStep(
  name: string,
  { latent, hidden, context: contextSize }: FlowConfig,
  backwards: boolean,
): Flow {
  const { weight, bias } = initializers.pytorch;
  const inputs = latent + contextSize;
  const own = {
    input: createParameter(`${name}.input.weight`, [hidden, latent], weight, [inputs, hidden]),
    context: createParameter(`${name}.context.weight`, [hidden, contextSize], weight, [inputs, hidden]),
    inputBias: createParameter(`${name}.input.bias`, [hidden], bias, [inputs, hidden]),
    hidden: createParameter(`${name}.hidden.weight`, [hidden, hidden], weight, [hidden, hidden]),
    hiddenBias: createParameter(`${name}.hidden.bias`, [hidden], bias, [hidden, hidden]),
    output: createParameter(`${name}.output.weight`, [2 * latent, hidden], weight, [hidden, latent]),
    outputBias: createParameter(`${name}.output.bias`, [2 * latent], bias, [hidden, latent]),
  } satisfies Record<string, Parameter>;
  const order = Array.from({ length: latent }, (_, i) => (backwards ? latent - i : i + 1));
  const degrees = spread(hidden, latent);
  const inputMask = mask(degrees, order, (unit, input) => input <= unit);
  const hiddenMask = mask(degrees, degrees, (to, from) => from <= to);
  const outputMask = mask([...order, ...order], degrees, (output, unit) => unit < output);
  const masked = (parameter: Parameter, by: Tensor): Tensor => parameter.tensor.mul(by);

  return {
    parameters: Object.values(own),
    contextSize,
    apply: (z, context) => {
      const rows = z.reshape(-1, latent); // [S·B, L]
      const fromContext = context.matmul(own.context.tensor, { transposeB: true }).add(own.inputBias.tensor); // [B, H]
      const fromLatents = rows.matmul(masked(own.input, inputMask), { transposeB: true });
      const first = fromLatents
        .reshape(...z.shape.slice(0, -1), hidden)
        .add(fromContext)
        .relu(); // [S, B, H]
      const second = first
        .reshape(-1, hidden)
        .matmul(masked(own.hidden, hiddenMask), { transposeB: true })
        .add(own.hiddenBias.tensor)
        .relu(); // [S·B, H]
      const outputs = second
        .matmul(masked(own.output, outputMask), { transposeB: true })
        .add(own.outputBias.tensor)
        .reshape(...z.shape.slice(0, -1), 2 * latent);
      const [shift, raw] = outputs.split(2, -1);
      const opened = raw.add(GATE_BIAS);
      const gate = opened.sigmoid();
      return {
        z: gate.mul(z).add(constant(1).sub(gate).mul(shift)),
        logDet: opened.neg().softplus().sum(-1).neg(),
      };
    },
  };
}

/** The order of the latents is reversed from step to step, so that each can depend on all others. */
export const autoregressive = (config: FlowConfig): Flow =>
  inSequence(Array.from({ length: config.steps }, (_, i) => autoregressiveStep(`flow.${i}`, config, i % 2 === 1)));
