/** commander's words for a mistake, in those of all other messages: place, expectation, remedy. */

/** A flag of commander's, `-n, --count <n>`, by its long name. */
const OPTION = String.raw`'(?:-\w, )?(--[\w-]+)(?: [^']*)?'`;

const WORDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [new RegExp(`^option ${OPTION} argument missing$`), '$1: expected a value after it'],
  [/^required option '(?:-\w, )?(.+)' not specified$/, '$1 is needed'],
  [new RegExp(`^option ${OPTION} cannot be used with option ${OPTION}$`), '$1 cannot be used with $2'],
  [/^too many arguments for '([\w-]+)'\..*$/, '$1: too many arguments; put quotes around a name with spaces'],
  [/^missing required argument '(.+)'$/, 'expected <$1> after the command'],
];

/** One line of plain words; commander puts its suggestion on a second one. */
export function inOurWords(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ');
  const known = WORDS.find(([pattern]) => pattern.test(line));
  return `vae: ${known === undefined ? line : line.replace(...known)}`;
}
