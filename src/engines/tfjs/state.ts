/** State as tensors of TensorFlow.js, which an update replaces. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import { sizeOf } from '../../tensor/shape.ts';
import type { Store } from '../checked.ts';
import type { ParameterSpec } from '../engine.ts';
import type { Tfjs } from './backends.ts';
import { toTensor } from './kernel.ts';

export class TfjsState implements Store {
  private readonly activate: () => Tfjs;
  private readonly tensors: Record<string, Value> = {};

  /** @param activate makes the backend that the tensors live on the active one. */
  constructor(parameters: readonly ParameterSpec[], moments: readonly string[], activate: () => Tfjs) {
    this.activate = activate;
    for (const { name, shape } of parameters) {
      for (const slot of ['parameter', ...moments]) {
        this.replace(name, slot, toTensor(activate(), new Float32Array(sizeOf(shape)), { shape, dtype: 'float' }));
      }
    }
  }

  /** The live tensor: a parameter, or one of its moments. */
  at = (parameter: string, slot = 'parameter'): Value => this.tensors[`${slot} ${parameter}`];

  /** Takes a tensor over and frees the one before. */
  replace(parameter: string, slot: string, value: Value): void {
    const key = `${slot} ${parameter}`;
    this.tensors[key]?.dispose();
    this.tensors[key] = this.activate().keep(value);
  }

  read = (parameter: string, moment?: string): Float32Array =>
    Float32Array.from(this.at(parameter, moment).dataSync<'float32'>());

  write(parameter: string, values: ArrayLike<number>, moment = 'parameter'): void {
    const { shape } = this.at(parameter, moment);
    this.replace(parameter, moment, toTensor(this.activate(), values, { shape, dtype: 'float' }));
  }
}
