/** Mistakes of the user, or of the user's files, that a person reads as one line. */

import { joined } from './words.ts';

/** What puts a mistake right: a setting, and a value for it where one is known. */
export interface Remedy {
  /** `use` by default. */
  readonly verb?: 'use' | 'or use' | 'lower' | 'look at';
  readonly field: string;
  readonly value?: unknown;
}

/** What a message says of settings, as data: only the command line knows how its user writes them. */
export interface Details {
  /** The setting at fault, in camel case: `batchSize`. */
  readonly field?: string;
  /** The value that it was given. */
  readonly value?: unknown;
  /** Who gave it, where that is not the user: "set by the preset adcme". */
  readonly origin?: string;
  /** What to do instead; any one of them is enough. */
  readonly remedies?: readonly Remedy[];
}

/** How a reader knows a setting; one that is on or off may be known by its value. */
export type Label = (field: string, value?: unknown) => string;

/** How a value is written where a reader may paste it. */
export type Quote = (text: string) => string;

const asIs = (text: string): string => text;

/** What a message shows of a value at most; a file can hold anything. */
const MOST_SHOWN = 200;

/** A value as it may be typed; what cannot be typed, as JSON. */
function formatValue(value: unknown): string {
  const isSimple = (item: unknown): boolean => typeof item !== 'object' || item === null;
  const isList = Array.isArray(value) && value.every(isSimple);
  const shown = isList ? value.join(',') : isSimple(value) ? String(value) : json(value);
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown;
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deep.
    return '…';
  }
}

/** "lower --learning-rate (now 0.1), or use --clip 10 or --scale softplus": a verb is said once for all that it takes. */
function formatRemedies(remedies: readonly Remedy[], label: Label, quote: Quote): string {
  const verbs = [...new Set(remedies.map(({ verb = 'use' }) => verb))];
  const groups = verbs.map((verb) => {
    const taken = remedies.filter((remedy) => (remedy.verb ?? 'use') === verb);
    const objects = taken.map(({ field, value }) => {
      if (value === undefined) return label(field);
      return `${label(field)} ${verb === 'lower' ? `(now ${formatValue(value)})` : quote(formatValue(value))}`;
    });
    return `${verb} ${joined(objects, verb === 'look at' ? 'and' : 'or')}`;
  });
  return groups.join(', or ');
}

/** A mistake that a person can put right. Its message names settings by their fields. */
export class UserError extends Error {
  /** What is wrong and what was expected, in words that name no flag. */
  readonly problem: string;
  readonly details: Details;

  constructor(problem: string, details: Details = {}) {
    super(wordsOf(problem, details, asIs, asIs));
    this.problem = problem;
    this.details = details;
  }

  /** The message in the words of a reader who knows settings by other names, such as flags. */
  wordsFor(label: Label, quote: Quote = asIs): string {
    return wordsOf(this.problem, this.details, label, quote);
  }
}

function wordsOf(problem: string, details: Details, label: Label, quote: Quote): string {
  const { field, value, origin, remedies = [] } = details;
  const given = value === undefined || typeof value === 'boolean' ? [] : [formatValue(value)];
  const words = [...given, ...(origin === undefined ? [] : [`(${origin})`])];
  const place = field === undefined ? '' : `${label(field, value)} ${words.join(' ')}${words.length > 0 ? ': ' : ''}`;
  const instead = remedies.length === 0 ? '' : `; ${formatRemedies(remedies, label, quote)}`;
  return place + problem + instead;
}

/** Something given to the program is wrong: a file, a checkpoint, a value. The message says what, where, and what to do. */
export class InputError extends UserError {
  override name = 'InputError';
}

/** A setting is wrong, by itself or for the data at hand. */
export class ConfigError extends InputError {}

/** A setting that does not go with others, found by a row that knows both. */
export interface Conflict {
  readonly field: string;
  readonly problem: string;
  readonly remedies?: readonly Remedy[];
}

/** The words of a system error as a person reads them, for a path that could not be read or written. */
export function describeSystemError(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EISDIR: 'it is a folder, not a file',
    ENOTDIR: 'a part of the path is a file, not a folder',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    EEXIST: 'it exists already',
    ELOOP: 'its links lead round in a circle',
    EFBIG: 'larger than a file may be here',
    ENAMETOOLONG: 'the name is too long',
    EBUSY: 'it is in use',
    EMFILE: 'too many files are open',
    ENFILE: 'too many files are open',
    EIO: 'the disk reports an error',
    EDQUOT: 'the disk quota is used up',
  };
  return (code !== undefined ? known[code] : undefined) ?? (error instanceof Error ? error.message : String(error));
}
