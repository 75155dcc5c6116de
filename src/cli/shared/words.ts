/** Numbers, paths and sentences as people read them. */

import { counted } from '../../base/words.ts';

/** With two decimals; nothing that rounds to 0 has a sign. */
export function nats(value: number): string {
  const size = Math.abs(value).toFixed(2);
  return value < 0 && Number(size) !== 0 ? `−${size}` : size;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** How far a model is trained. An epoch that was cut short is not counted as one. */
export function formatProgress({ epoch, batch, step }: { epoch: number; batch: number; step: number }): string {
  const updates = counted(step, 'update');
  if (batch === 0) return `${counted(epoch, 'epoch')}, ${updates}`;
  return epoch === 0 ? `${updates} of the first epoch` : `${counted(epoch, 'epoch')} and part of the next, ${updates}`;
}

/** A word of a command that can be pasted into a shell: in quotes where the shell would not read it as one plain word. */
export function shellQuoted(word: string, platform: NodeJS.Platform = process.platform): string {
  // What stands for a name is to be replaced, not pasted.
  if (/^<[a-z]+>$/.test(word)) return word;
  if (platform === 'win32') return /^[\p{L}\p{N}@+=:,./\\_~-]+$/u.test(word) ? word : `"${word}"`;
  // A single quote cannot stand between single quotes: they end, it follows escaped, and they begin again.
  return /^[\p{L}\p{N}@%+=:,./_-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A word of a text with the space before it; what is in quotes is one word, so that it can be pasted. */
const WORDS = /\s*(?:(?<!\S)'[^']+'(?!\w)\S*|(?<!\S)"[^"]+"\S*|\S+)/g;

export const wordsOf = (text: string): readonly string[] => text.match(WORDS) ?? [];

/** Breaks a text at word ends into lines that fit. All but the first are indented. A longer word has a line of its own. */
export function wrapped(text: string, columns: number, { indent = '  ', words = wordsOf(text) } = {}): string {
  if (text.length <= columns) return text;
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line === '' || line.length + word.length <= columns) {
      line += word;
      continue;
    }
    lines.push(line);
    line = indent + word.trimStart();
  }
  return [...lines, line].join('\n');
}
