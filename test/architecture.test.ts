/** The house keeps its order: a room imports only from rooms above it, and only the last one prints. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** What each room may import, besides itself and the files of src/ itself. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  engines: ['tensor'],
  nn: ['tensor'],
  vae: ['tensor', 'nn'],
  data: ['tensor'],
  training: ['tensor', 'engines', 'nn', 'vae', 'data'],
  report: ['data'],
  cli: ['tensor', 'engines', 'nn', 'vae', 'data', 'training', 'report'],
};
/** Files outside the rooms: shared ground, which may know what a tensor's noise and shape are called. */
const GROUND = '';

const roomOf = (file: string): string => {
  const parts = path.relative('src', file).split(path.sep);
  return parts.length > 1 ? parts[0] : GROUND;
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.join('src', file));

const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import) ?'(\.[^']+)'/g)].map(([, target]) =>
    path.join(path.dirname(file), target),
  );

describe('the rooms', () => {
  it('are the ones that are named here', () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set([...Object.keys(ROOMS), GROUND]));
  });

  for (const file of files) {
    it(`${file} imports only from rooms above its own`, () => {
      const room = roomOf(file);
      const allowed = new Set(room === GROUND ? [GROUND, 'tensor'] : [room, GROUND, ...ROOMS[room]]);
      expect(importsOf(file).filter((target) => !allowed.has(roomOf(target)))).toEqual([]);
    });
  }

  it('have no circle of files', () => {
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      expect(state.get(file), [...trail, file].join(' → ')).toBeUndefined();
      state.set(file, 'open');
      for (const target of importsOf(file)) visit(target, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
  });

  it('print in cli alone', () => {
    const printing = files.filter((file) => /\bconsole\.|process\.(stdout|stderr)/.test(readFileSync(file, 'utf8')));
    expect(new Set(printing.map(roomOf))).toEqual(new Set(['cli']));
  });

  it('have no file that answers two questions', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 320);
    expect(long).toEqual([]);
  });
});
