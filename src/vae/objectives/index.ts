/** Objectives by name. */

import { autoencoderRow } from './autoencoder.ts';
import { elboRow } from './elbo.ts';
import { iwaeRow } from './iwae.ts';
import type { ObjectiveRow } from './objective.ts';

export const objectives = {
  elbo: elboRow,
  iwae: iwaeRow,
  autoencoder: autoencoderRow,
} as const satisfies Record<string, ObjectiveRow<never>>;
