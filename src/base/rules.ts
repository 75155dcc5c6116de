/** What a setting may hold: in words for a message, as a test, as a JSON Schema, and how a flag's text is read. */

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Rule<T = unknown> {
  /** In words: "an integer of at least 1". */
  readonly expects: string;
  readonly accepts: (value: unknown) => value is T;
  /** The valid values, where they are a short list. */
  readonly choices?: readonly string[];
  /** A text as a value; one that cannot be read stays a text, which `accepts` refuses and a message can quote. */
  readonly parse: (text: string) => unknown;
  readonly schema: JsonSchema;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const parseNumber = (text: string): number | string =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

export const integer = (least: number, most = Number.MAX_SAFE_INTEGER): Rule<number> => ({
  expects: most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
  accepts: (value): value is number => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  parse: parseNumber,
  schema: { type: 'integer', minimum: least, maximum: most },
});

/** The ends of a range of numbers: at least, more than, at most, less than. */
interface Interval {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
}

export function number({ least, above, most, below }: Interval): Rule<number> {
  const ends = [
    ...(least === undefined ? [] : [`of at least ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
    ...(below === undefined ? [] : [`less than ${below}`]),
  ];
  const schema = { minimum: least, exclusiveMinimum: above, maximum: most, exclusiveMaximum: below };
  const { NEGATIVE_INFINITY: LOWEST, POSITIVE_INFINITY: HIGHEST } = Number;
  return {
    expects: `a number ${ends.join(' and ')}`,
    accepts: (value): value is number =>
      isNumber(value) &&
      value >= (least ?? LOWEST) &&
      value > (above ?? LOWEST) &&
      value <= (most ?? HIGHEST) &&
      value < (below ?? HIGHEST),
    parse: parseNumber,
    schema: { type: 'number', ...Object.fromEntries(Object.entries(schema).filter(([, end]) => end !== undefined)) },
  };
}

export const positive = number({ above: 0 });
export const notNegative = number({ least: 0 });

/** The names of a table's rows. */
export const namesOf = <Table extends object>(table: Table): readonly (keyof Table & string)[] =>
  Object.keys(table) as (keyof Table & string)[];

export const choice = <const T extends string>(choices: readonly T[]): Rule<T> => ({
  expects: choices.length === 1 ? choices[0] : `one of ${choices.join(', ')}`,
  accepts: (value): value is T => typeof value === 'string' && (choices as readonly string[]).includes(value),
  choices,
  parse: (text) => text,
  schema: { enum: choices },
});

/** One of a few numbers. `expects` says which, and what they mean. */
export const oneOf = <const T extends number>(values: readonly T[], expects: string): Rule<T> => ({
  expects,
  accepts: (value): value is T => values.some((known) => known === value),
  parse: parseNumber,
  schema: { enum: values },
});

/** One value or more, separated by commas in a flag. */
export const list = <T>(item: Rule<T>, expects: string): Rule<readonly T[]> => ({
  expects,
  accepts: (value): value is readonly T[] => Array.isArray(value) && value.length > 0 && value.every(item.accepts),
  ...(item.choices === undefined ? {} : { choices: item.choices }),
  parse: (text) => text.split(',').map((part) => item.parse(part.trim())),
  schema: { type: 'array', items: item.schema, minItems: 1 },
});

/** A list that may be empty, though no flag can say so. */
export const orNone = <T>(rule: Rule<readonly T[]>): Rule<readonly T[]> => ({
  ...rule,
  accepts: (value): value is readonly T[] => (Array.isArray(value) && value.length === 0) || rule.accepts(value),
  schema: { ...rule.schema, minItems: 0 },
});

/** A value that one of two rules accepts. */
export const either = <A, B>(a: Rule<A>, b: Rule<B>): Rule<A | B> => ({
  expects: `${a.expects}, or ${b.expects}`,
  accepts: (value): value is A | B => a.accepts(value) || b.accepts(value),
  parse: a.parse,
  schema: { anyOf: [a.schema, b.schema] },
});

export const truth: Rule<boolean> = {
  expects: 'true or false',
  accepts: (value): value is boolean => typeof value === 'boolean',
  parse: (text) => text,
  schema: { type: 'boolean' },
};

/** Any text but none at all, which is what an unset variable of the shell gives. */
export const text = (expects: string): Rule<string> => ({
  expects,
  accepts: (value): value is string => typeof value === 'string' && value !== '',
  parse: (given) => given,
  schema: { type: 'string', minLength: 1 },
});

/** "expected one of adam, adamw; did you mean adam?" */
export function expectation(value: unknown, rule: Rule): string {
  return `expected ${rule.expects}${suggestion(value, rule)}`;
}

function suggestion(value: unknown, { choices }: Rule): string {
  if (choices === undefined) return '';
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrong = items.find((item) => typeof item === 'string' && !choices.includes(item));
  const nearest = typeof wrong === 'string' ? nearestName(wrong, choices) : undefined;
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

/** No name is longer; a text that a file holds may be. */
const LONGEST_NAME = 100;

/** The name that the fewest edits make of the given one, if they are few. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const ranked = names.map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate) }));
  const [best] = ranked.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.max(2, name.length / 3) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}
