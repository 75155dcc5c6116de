import { describe } from 'vitest';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { conformance } from './conformance.ts';

describe('reference', () => {
  // Its numbers are checked by central differences and against closed forms.
  conformance(createReferenceEngine, { numbers: false });
});
