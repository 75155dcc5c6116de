/** Networks by the name of the model. */

import { convolutionalNetwork } from './convolutional.ts';
import { denseNetwork } from './dense.ts';
import type { Network } from './network.ts';
import { residualNetwork } from './residual.ts';

export const networks = {
  dense: denseNetwork,
  conv: convolutionalNetwork,
  residual: residualNetwork,
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof networks;
