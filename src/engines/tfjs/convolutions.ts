/**
 * The three convolutions by TensorFlow.js, which holds images with their channels last, [N, H, W, C], and filters as
 * [KH, KW, C, O]. Images are padded beforehand, because its backends do not agree on what paddings they take.
 */

import type { Tensor4D, Tensor as Value } from '@tensorflow/tfjs-core';
import type { Pair } from '../../tensor/primitives.ts';
import type { Tfjs } from './backends.ts';
import type { Kernel } from './kernel.ts';

const channelsLast = (tf: Tfjs, x: Value): Tensor4D => tf.transpose(x as Tensor4D, [0, 2, 3, 1]);
const channelsFirst = (tf: Tfjs, x: Value): Tensor4D => tf.transpose(x as Tensor4D, [0, 3, 1, 2]);
/** [O, C, KH, KW] → [KH, KW, C, O] */
const filterLast = (tf: Tfjs, filter: Value): Tensor4D => tf.transpose(filter as Tensor4D, [2, 3, 1, 0]);

/** Zeros around the second and third axes of four. */
const padded = (tf: Tfjs, x: Tensor4D, [rows, columns]: Pair): Tensor4D =>
  rows === 0 && columns === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [rows, rows],
        [columns, columns],
        [0, 0],
      ]);

export const convolve: Kernel<'convolve'> = (tf, [x, filter], _, { stride, padding }) => {
  const image = padded(tf, channelsLast(tf, x), padding);
  return channelsFirst(tf, tf.conv2d(image, filterLast(tf, filter), [...stride], 'valid'));
};

export const convolveTransposed: Kernel<'convolveTransposed'> = (tf, [y, filter], node, { stride, padding, size }) => {
  const [batch, channels] = node.shape;
  const whole: [number, number, number, number] = [batch, size[0] + 2 * padding[0], size[1] + 2 * padding[1], channels];
  const image = tf.conv2dTranspose(channelsLast(tf, y), filterLast(tf, filter), whole, [...stride], 'valid');
  return channelsFirst(tf, tf.slice(image, [0, padding[0], padding[1], 0], [batch, ...size, channels]));
};

/**
 * Its own kernel where the backend has one. Where not, as on wasm, ∂/∂filter[i, j, c, o] = Σ x[n, s·h + i, s·w + j, c]
 * y[n, h, w, o] is itself a convolution: of x with channels for images, by a filter y that is dilated by the stride s.
 */
export const convolveFilter: Kernel<'convolveFilter'> = (tf, [x, y], node, { stride, padding, kernel }) => {
  const image = padded(tf, channelsLast(tf, x), padding);
  const [outputs, channels] = node.shape;
  if (tf.getKernel('Conv2DBackpropFilter', tf.getBackend()) !== undefined) {
    const gradient: Value = tf
      .engine()
      .runKernel(
        'Conv2DBackpropFilter',
        { x: image, dy: channelsLast(tf, y) },
        { strides: [...stride], pad: 'valid', dataFormat: 'NHWC', filterShape: [...kernel, channels, outputs] },
      );
    return tf.transpose(gradient, [3, 2, 0, 1]);
  }
  const errors = tf.transpose(y as Tensor4D, [2, 3, 0, 1]);
  const product = tf.conv2d(tf.transpose(image, [3, 1, 2, 0]), errors, 1, 'valid', 'NHWC', [...stride]);
  // Rows of the image that no window reaches make the result larger than the kernel.
  return tf.transpose(tf.slice(product, [0, 0, 0, 0], [channels, ...kernel, outputs]), [3, 0, 1, 2]);
};
