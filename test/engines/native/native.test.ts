import { describe } from 'vitest';
import { createNativeEngine } from '../../../src/engines/native/index.ts';
import { conformance } from '../conformance.ts';

describe('native', () => {
  conformance(() => createNativeEngine({ threads: 2 }));
});
