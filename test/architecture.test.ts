/** The house keeps its order: a room imports only from rooms above it, and only the last one prints. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** The rooms in their order: each may import itself and those before it, except where it stands beside one. */
const ORDER = [
  'base',
  'random',
  'tensor',
  'engines',
  'nn',
  'vae',
  'data',
  'settings',
  'programs',
  'runs',
  'inference',
  'evaluation',
  'training',
  'benchmarks',
  'report',
  'cli',
] as const;

const NAMES: readonly string[] = ORDER;

/** Rooms that must not see each other, although one comes first. */
const APART: Readonly<Record<string, readonly string[]>> = {
  nn: ['engines'],
  vae: ['engines'],
  data: ['engines', 'nn', 'vae'],
  report: ORDER.filter((room) => !['base', 'random', 'data'].includes(room)),
};

const roomOf = (file: string): string => path.relative('src', file).split(path.sep)[0];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.join('src', file));

const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import) ?'(\.[^']+)'/g)].map(([, target]) =>
    path.join(path.dirname(file), target),
  );

describe('the rooms', () => {
  it('are the ones that are named here', () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set<string>(ORDER));
  });

  for (const file of files) {
    it(`${file} imports only from rooms above its own`, () => {
      const room = roomOf(file);
      const before = ORDER.slice(0, NAMES.indexOf(room));
      const allowed = new Set<string>([room, ...before.filter((name) => !APART[room]?.includes(name))]);
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

  it('load commands lazily in one place: the list of commands', () => {
    const lazy = files.filter((file) => roomOf(file) === 'cli' && /\bimport\(/.test(readFileSync(file, 'utf8')));
    expect(lazy).toEqual([path.join('src', 'cli', 'main.ts')]);
  });

  it('have no file that answers two questions', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 301);
    expect(long).toEqual([]);
  });
});
