/** Without koffi, which npm may have left out, the engine says what to do. */

import { expect, it, vi } from 'vitest';
import { EngineError } from '../../../src/engines/engine.ts';
import { openLibrary } from '../../../src/engines/native/library.ts';

vi.mock('koffi', () => {
  throw new Error('Cannot find package');
});

it('names koffi and how to install it, in one line', async () => {
  const toolchain = { description: 'none', identity: [], lanes: 4, flags: [], compile: async () => new Uint8Array() };
  const error = await openLibrary(1, { toolchain }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(EngineError);
  expect(error.message).toMatch(/^native: needs the package koffi, which does not load \([^\n]*\); run npm ci$/);
});
