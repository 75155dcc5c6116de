/** What a setting may hold: in words for a message, and as a test. */

/** What a field may hold, in words and as a test. */
export interface Rule {
  readonly expects: string;
  readonly accepts: (value: unknown) => boolean;
  /** The valid values, where they are a short list. */
  readonly choices?: readonly string[];
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export const integer = (least: number, most = Number.MAX_SAFE_INTEGER): Rule => ({
  expects: most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
});

export const number = (expects: string, accepts: (value: number) => boolean): Rule => ({
  expects,
  accepts: (value) => isNumber(value) && accepts(value),
});

export const choice = (choices: readonly string[]): Rule => ({
  expects: choices.length === 1 ? choices[0] : `one of ${choices.join(', ')}`,
  accepts: (value) => typeof value === 'string' && choices.includes(value),
  choices,
});

export const list = (item: Rule, expects: string): Rule => ({
  expects,
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(item.accepts),
  ...(item.choices === undefined ? {} : { choices: item.choices }),
});

/** A value that one of two rules accepts. */
export const either = (a: Rule, b: Rule): Rule => ({
  expects: `${a.expects}, or ${b.expects}`,
  accepts: (value) => a.accepts(value) || b.accepts(value),
});

export const truth: Rule = { expects: 'true or false', accepts: (value) => typeof value === 'boolean' };

export const positive = number('a positive number', (value) => value > 0);
export const notNegative = number('a number of at least 0', (value) => value >= 0);
/** Any text but none at all, which is what an unset variable of the shell gives. */
export const text = (expects: string): Rule => ({
  expects,
  accepts: (value) => typeof value === 'string' && value !== '',
});

/** "expected one of adam, adamw; did you mean adam?" */
export function expectation(value: unknown, rule: Rule): string {
  return `expected ${rule.expects}${suggestion(value, rule)}`;
}

function suggestion(value: unknown, { choices }: Rule): string {
  if (choices === undefined) return '';
  const wrong = (Array.isArray(value) ? value : [value]).find((item) => !choices.includes(String(item)));
  const nearest = nearestName(String(wrong), choices);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

/** The name that fewest edits turn the given one into, if they are few. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
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
