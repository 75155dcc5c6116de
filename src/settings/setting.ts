/** What a setting is. Everything that is to be known of one stands in its row; see table.ts. */

import type { Rule } from '../base/rules.ts';

/** A registry's rows, of which a setting names one: each says which other settings it reads. */
export type Rows = Readonly<Record<string, { readonly uses: readonly string[] }>>;

export interface Setting<T = unknown, Optional extends boolean = boolean> {
  /** The heading that it stands under in the help. */
  readonly group: string;
  readonly rule: Rule<T>;
  /** What it is where nobody sets it; none of an optional one, or of one that depends on the machine. */
  readonly default?: T;
  /** Whether a run may be without it. */
  readonly optional: Optional;
  /** What stands for its value in the help: `<n>`. None of one that is on or off. */
  readonly placeholder: string;
  /** What it does. Its valid names follow by themselves. */
  readonly help: string;
  /** Whether a run may go on with another value. */
  readonly resumable: boolean;
  /** The registry that it chooses from, where rows of that read settings of their own. */
  readonly rows?: Rows;
}

type Given<T, Optional extends boolean> = Pick<Setting<T>, 'rule' | 'placeholder' | 'help'> &
  Partial<Pick<Setting<T>, 'resumable' | 'rows'>> & { readonly default?: NoInfer<T>; readonly optional?: Optional };

/** Writes a group's rows: `in('Data:')({ rule, ... })`. A setting is required and stays as it is by default. */
export const settingsUnder =
  (group: string) =>
  <T, const Optional extends boolean = false>(given: Given<T, Optional>): Setting<T, Optional> => ({
    group,
    resumable: false,
    ...given,
    optional: (given.optional ?? false) as Optional,
  });

/** Sizes above these are mistakes rather than models. */
export const MOST_UNITS = 65536;
