/** Posteriors by name. */

import { autoregressive } from '../flows/autoregressive.ts';
import { planar } from '../flows/planar.ts';
import { carriedOn } from './flow.ts';
import { normal } from './normal.ts';
import { point } from './point.ts';
import type { PosteriorRow } from './posterior.ts';

export const posteriors = {
  normal,
  planar: carriedOn(planar, ['flowSteps']),
  autoregressive: carriedOn(autoregressive, ['flowSteps', 'flowHidden', 'flowContext']),
  point,
} as const satisfies Record<string, PosteriorRow>;

export type PosteriorName = keyof typeof posteriors;
