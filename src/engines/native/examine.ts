/** What the native engine finds on this machine, for people. */

import { createObjectCache } from './objects.ts';
import { findToolchain } from './toolchain.ts';

const MEGABYTE = 2 ** 20;

/**
 * The compiler, what it is told, and what it has made so far: a line each.
 * @throws MissingError where there is no compiler, EngineError where it is of no use.
 */
export async function examineNative(): Promise<readonly string[]> {
  const { description, flags, lanes } = await findToolchain();
  const { folder, images, bytes } = createObjectCache().contents();
  return [
    `compiler: ${description}, for vectors of ${lanes} floats`,
    `flags: ${flags.join(' ')}`,
    `compiled programs: ${images} in ${folder}, ${(bytes / MEGABYTE).toFixed(1)} MB`,
  ];
}
