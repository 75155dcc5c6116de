/** What is said of a run whose loss is no longer a finite number. */

import { InputError, type Remedy } from '../base/errors.ts';
import type { RunConfig } from '../settings/table.ts';
import { SLOWEST_SCALE } from '../vae/distributions/normal.ts';
import { posteriors } from '../vae/posteriors/index.ts';
import type { Finding } from './diagnosis.ts';

/** The loss is no longer a finite number. */
export class DivergenceError extends InputError {
  /** What stopped being finite first, where it was found. */
  readonly finding: Finding | undefined;

  constructor(problem: string, remedies: readonly Remedy[], finding?: Finding) {
    super(problem, { remedies });
    this.finding = finding;
  }
}

export interface Divergence {
  /** What happened, in words: "the loss became NaN at step 3". */
  readonly what: string;
  /** The step that `what` names, if it does. */
  readonly step: number | undefined;
  readonly epoch: number;
  /** Whether the weights are still the first ones. */
  readonly isFirst: boolean;
  readonly finding: Finding | undefined;
}

/** What happened, where it began, and what to do, in one line. */
export function divergenceError(divergence: Divergence, config: RunConfig): DivergenceError {
  const { what, epoch, isFirst, finding } = divergence;
  const where = `${what} (epoch ${epoch})${isFirst ? ', before anything was learnt' : ''}`;
  const cause = finding === undefined ? '' : `: ${formatFinding(finding, divergence.step)}`;
  return new DivergenceError(where + cause, isFirst ? FIRST_REMEDIES : remedies(config), finding);
}

const FIRST_REMEDIES: readonly Remedy[] = [
  { verb: 'look at', field: 'stddev' },
  { verb: 'look at', field: 'beta' },
  { verb: 'look at', field: 'freeBits' },
];

function remedies({ learningRate, clip, scale, posterior }: RunConfig): readonly Remedy[] {
  const readsScale = posteriors[posterior].uses.includes('scale');
  return [
    { verb: 'lower', field: 'learningRate', value: learningRate },
    ...(clip > 0 ? [] : [{ field: 'clip', value: 10 }]),
    ...(readsScale && scale !== SLOWEST_SCALE ? [{ field: 'scale', value: SLOWEST_SCALE }] : []),
  ];
}

/** @param named the step that the message names already; the finding may come before it. */
function formatFinding({ node, parameter, step }: Finding, named: number | undefined): string {
  const inStep = step === named ? '' : ` of step ${step}`;
  const where = node && `${node.words}${node.primitive === 'input' ? '' : ` in the ${node.pass} pass`}${inStep}`;
  const which = parameter && `the ${parameter.what === 'value' ? 'parameter' : 'gradient of'} "${parameter.name}"`;
  const whole = where === undefined ? `${which} after the update of step ${step}` : where;
  const isSame = node === undefined || which === undefined || node.words.startsWith(which);
  return `first in ${whole}${isSame ? '' : `, then in ${which}`}`;
}
