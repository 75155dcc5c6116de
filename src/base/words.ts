/** Words that several rooms need. */

/** "1 image", "2 images". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** "a, b or c" */
export const joined = (words: readonly string[], last: 'and' | 'or'): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

/** A name of a file as one line that can be read, whatever bytes it has. */
export const printable = (name: string): string => name.replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd');
