/** A program's update as one kernel over flat memory: one thread for each position of all parameters. */

import type { Update } from '../../tensor/program.ts';
import { updateCode } from '../compiled/update.ts';
import type { LaunchShape } from './device.ts';
import { cuda } from './dialect.ts';

export interface UpdateKernel {
  readonly name: string;
  readonly source: string;
  readonly shape: LaunchShape;
  /** Its arguments: sections of the state, then the coefficients. */
  readonly sections: readonly string[];
}

const THREADS = 256;

/** @param floats of one section of the state. */
export function updateKernel(update: Update, floats: number): UpdateKernel {
  const code = updateCode(update, cuda);
  const source = [
    `extern "C" __global__ void __launch_bounds__(${THREADS}) update(${code.arguments}) {`,
    `  const int i = blockIdx.x * ${THREADS} + threadIdx.x;`,
    `  if (i >= ${floats}) return;`,
    ...code.lines.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
  const shape = { blocks: Math.ceil(floats / THREADS), threads: THREADS };
  return { name: 'update', source, shape, sections: code.sections };
}
