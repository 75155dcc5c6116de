/** Normalisation. */

import { constant } from '../tensor/tensor.ts';
import { expectChannels } from './images.ts';
import type { LayerBuilder } from './layer.ts';
import { createParameter, type Initializer, zeros } from './parameter.ts';

const EPSILON = 1e-6;
const ones: Initializer = (...given) => zeros(...given).fill(1);

/**
 * Layer normalisation over the channels at each position: Ba, Kiros & Hinton (2016), as in ConvNeXt, Liu et al. (2022):
 *   y = (x − mean(x)) / √(var(x) + ε) · gain + bias, mean and variance over C: [..., C, H, W] → [..., C, H, W].
 * torch.nn has no such module; it prints as that of torchvision.models.convnext, which has the same parameters.
 * @throws ShapeError where x has another number of channels.
 */
export const channelNorm =
  (channels: number): LayerBuilder =>
  (name) => {
    const gain = createParameter(`${name}.weight`, [channels], ones, [channels, channels]);
    const bias = createParameter(`${name}.bias`, [channels], zeros, [channels, channels]);
    return {
      parameters: [gain, bias],
      pytorch: `LayerNorm2d((${channels},), eps=1e-06, elementwise_affine=True)`,
      apply: (x) => {
        expectChannels(x, channels, `channel norm "${name}"`);
        const centred = x.sub(x.mean(-3, true));
        const variance = centred.square().mean(-3, true);
        const inverse = constant(1).div(variance.add(EPSILON).sqrt());
        const normal = centred.mul(inverse);
        return normal.mul(gain.tensor.reshape(channels, 1, 1)).add(bias.tensor.reshape(channels, 1, 1));
      },
    };
  };
