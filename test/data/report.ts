/** Listeners to what a dataset tells while it is loaded. */

import type { Report } from '../../src/data/source.ts';

export const silent: Report = { note: () => {}, progress: () => {} };

/** Keeps what is told. */
export function listener(): Report & { readonly notes: string[]; readonly steps: [string, number, number, string][] } {
  const notes: string[] = [];
  const steps: [string, number, number, string][] = [];
  return {
    notes,
    steps,
    note: (line) => notes.push(line),
    progress: (...step) => steps.push(step),
  };
}
