/** Settings that another setting makes idle: whoever gives one expects something of it. */

import { ConfigError } from '../base/errors.ts';
import { isFlow } from '../vae/flows/index.ts';
import type { RunConfig } from './config.ts';

interface Condition {
  readonly fields: readonly (keyof RunConfig)[];
  readonly needs: (config: RunConfig) => boolean;
  /** The setting that decides, and its values with which the fields do something. */
  readonly by: keyof RunConfig;
  readonly values: string;
}

const CONDITIONS: readonly Condition[] = [
  { fields: ['channels'], needs: ({ model }) => model !== 'dense', by: 'model', values: 'conv or residual' },
  { fields: ['kernel'], needs: ({ model }) => model === 'conv', by: 'model', values: 'conv' },
  { fields: ['blocks'], needs: ({ model }) => model === 'residual', by: 'model', values: 'residual' },
  { fields: ['hidden', 'dropout'], needs: ({ model }) => model !== 'residual', by: 'model', values: 'dense or conv' },
  {
    fields: ['flowSteps'],
    needs: ({ posterior }) => isFlow(posterior),
    by: 'posterior',
    values: 'planar or autoregressive',
  },
  {
    fields: ['flowHidden', 'flowContext'],
    needs: ({ posterior }) => posterior === 'autoregressive',
    by: 'posterior',
    values: 'autoregressive',
  },
  { fields: ['scale'], needs: ({ posterior }) => posterior !== 'point', by: 'objective', values: 'elbo or iwae' },
  { fields: ['stddev'], needs: ({ likelihood }) => likelihood === 'normal', by: 'likelihood', values: 'normal' },
  {
    fields: ['squash'],
    needs: ({ likelihood }) => likelihood === 'normal' || likelihood === 'squared-error',
    by: 'likelihood',
    values: 'normal or squared-error',
  },
  {
    fields: ['mixtures'],
    needs: ({ likelihood }) => likelihood === 'logistic-mixture',
    by: 'likelihood',
    values: 'logistic-mixture',
  },
  {
    fields: ['momentum'],
    needs: ({ optimizer }) => optimizer === 'sgd' || optimizer === 'rmsprop',
    by: 'optimizer',
    values: 'sgd or rmsprop',
  },
  { fields: ['weightDecay'], needs: ({ optimizer }) => optimizer === 'adamw', by: 'optimizer', values: 'adamw' },
  {
    fields: ['epsilon'],
    needs: ({ optimizer }) => optimizer !== 'sgd',
    by: 'optimizer',
    values: 'adam, adamw or rmsprop',
  },
  { fields: ['precision'], needs: ({ device }) => device === 'cuda', by: 'device', values: 'cuda' },
  { fields: ['kl'], needs: ({ objective }) => objective === 'elbo', by: 'objective', values: 'elbo' },
  { fields: ['decay', 'decayEvery'], needs: ({ schedule }) => schedule === 'step', by: 'schedule', values: 'step' },
  { fields: ['floor'], needs: ({ schedule }) => schedule === 'cosine', by: 'schedule', values: 'cosine' },
];

/**
 * `given` are the settings that the user has named; `label` is how the user knows a field.
 * @throws ConfigError if one of them changes nothing.
 */
export function checkEffect(given: Partial<RunConfig>, config: RunConfig, label: (field: string) => string): void {
  for (const { fields, needs, by, values } of CONDITIONS) {
    const idle = fields.find((field) => given[field] !== undefined);
    if (idle === undefined || needs(config)) continue;
    throw new ConfigError(
      `${label(idle)} has no effect with ${label(by)} ${config[by]}; it is for ${label(by)} ${values}`,
    );
  }
}
