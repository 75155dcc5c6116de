/** Networks by the name of the model. */

import { convolutionalNetwork } from './convolutional.ts';
import { denseNetwork } from './dense.ts';
import { ladderNetwork } from './ladder.ts';
import type { Hierarchy, Network } from './network.ts';
import { residualNetwork } from './residual.ts';

export const networks = {
  dense: denseNetwork,
  conv: convolutionalNetwork,
  residual: residualNetwork,
  ladder: ladderNetwork,
} as const satisfies Record<string, Network | Hierarchy>;

export type NetworkName = keyof typeof networks;
