/** Objectives by name. */

import { autoencoderRow } from './autoencoder.ts';
import { elboRow } from './elbo.ts';
import { iwaeRow } from './iwae.ts';

export const objectives = {
  elbo: elboRow,
  iwae: iwaeRow,
  autoencoder: autoencoderRow,
} as const;

export type ObjectiveName = keyof typeof objectives;
