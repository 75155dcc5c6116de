import { describe } from 'vitest';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { conformance } from './conformance.ts';

// Against itself the suite checks what it says of training, state and messages; its numbers are checked elsewhere.
describe('reference', () => {
  conformance(createReferenceEngine);
});
