/** Whether two folders hold the same, byte for byte, except what is named here. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** What may differ between equal runs. All else must be the same, and nothing may be left over. */
export const EXCLUDED = ['environment.json', 'the field "seconds" of each line of metrics.jsonl'];

const withoutSeconds = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/"seconds":[\d.e-]+/g, '"seconds":0'))
    .join('\n');

/** By name relative to the folder; a folder is a name with a slash. */
export function contentOf(folder) {
  const content = new Map();
  if (!existsSync(folder)) return content;
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) content.set(`${name}/`, '');
    else if (path.basename(name) === 'environment.json') content.set(name, '');
    else if (path.basename(name) === 'metrics.jsonl') content.set(name, withoutSeconds(readFileSync(file, 'utf8')));
    else content.set(name, readFileSync(file).toString('latin1'));
  }
  return content;
}

export function differences(expected, found) {
  const said = [];
  for (const [name, content] of expected) {
    if (!found.has(name)) said.push(`${name} is missing`);
    else if (found.get(name) !== content) said.push(`${name} differs`);
  }
  for (const name of found.keys()) if (!expected.has(name)) said.push(`${name} is left over`);
  return said;
}

/** The progress that a checkpoint counts, read here without the program; undefined where there is none. */
export function progressOf(file) {
  if (!existsSync(file)) return undefined;
  try {
    const bytes = readFileSync(file);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
    return JSON.parse(header.__metadata__.progress);
  } catch {
    return { step: Number.NaN, epoch: Number.NaN };
  }
}

export const stepOf = (file) => progressOf(file)?.step;

const numberOf = (file) => statSync(file, { throwIfNoEntry: false })?.ino;

/** A function that says whether a file has been replaced since: saving puts a new one in its place. */
export function watchReplaced(file) {
  const before = numberOf(file);
  return () => {
    const now = numberOf(file);
    return now !== undefined && now !== before;
  };
}
