/** Flows by name. */

import { autoregressive } from './autoregressive.ts';
import type { Flow, FlowConfig } from './flow.ts';
import { planar } from './planar.ts';

export const flows = {
  planar,
  autoregressive,
} as const satisfies Record<string, (config: FlowConfig) => Flow>;

export type FlowName = keyof typeof flows;

/** Whether a posterior of this name is carried on by a flow. */
export const isFlow = (posterior: string): posterior is FlowName => Object.hasOwn(flows, posterior);
