/** Layers without parameters that change the size of images [..., C, H, W]. */

import { formatShape, ShapeError } from '../tensor/shape.ts';
import { overImages } from './images.ts';
import type { LayerBuilder } from './layer.ts';

/** The mean of each channel: [..., C, H, W] → [..., C, 1, 1]. */
export const globalAveragePool: LayerBuilder = () => ({
  parameters: [],
  pytorch: 'AdaptiveAvgPool2d(output_size=1)',
  apply: (x) => x.mean([-2, -1], true),
});

/**
 * The mean of every 2 × 2 pixels: [..., C, H, W] → [..., C, H/2, W/2].
 * @throws ShapeError where a side is odd.
 */
export const averagePool: LayerBuilder = (name) => ({
  parameters: [],
  pytorch: 'AvgPool2d(kernel_size=2, stride=2, padding=0)',
  apply: (x) => {
    if (x.shape.slice(-2).some((side) => side % 2 !== 0)) {
      throw new ShapeError(`average pool "${name}": expected even sides, got ${formatShape(x.shape)}`);
    }
    return overImages(x, (images) => {
      const [batch, channels, height, width] = images.shape;
      return images.reshape(batch, channels, height / 2, 2, width / 2, 2).mean([3, 5]);
    });
  },
});

/** Every pixel as 2 × 2 equal pixels, the nearest neighbours of the larger image: [..., C, H, W] → [..., C, 2H, 2W]. */
export const upsample: LayerBuilder = () => ({
  parameters: [],
  pytorch: "Upsample(scale_factor=2.0, mode='nearest')",
  apply: (x) =>
    overImages(x, (images) => {
      const [batch, channels, height, width] = images.shape;
      return images
        .reshape(batch, channels, height, 1, width, 1)
        .broadcastTo([batch, channels, height, 2, width, 2])
        .reshape(batch, channels, 2 * height, 2 * width);
    }),
});
