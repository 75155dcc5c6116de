/** The versions of this program, of Node and of the libraries that compute, and the processor. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';

export const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** The version of an installed package, or undefined if it is not installed. */
export function packageVersion(name: string): string | undefined {
  try {
    const { resolve } = createRequire(import.meta.url);
    // The entry point, not package.json: a package may not export package.json.
    let folder = path.dirname(resolve(name));
    while (path.basename(folder) !== name && path.dirname(folder) !== folder) folder = path.dirname(folder);
    return (JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}

export const environment = () => ({
  vae: version(),
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  processor: cpus()[0]?.model ?? 'unknown',
  processors: availableParallelism(),
  onnxruntime: packageVersion('onnxruntime-node') ?? 'not installed',
});
