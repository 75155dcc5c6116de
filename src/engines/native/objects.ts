/** Shared objects made of texts in C: compiled once on a machine, checked before they are used, and loaded. */

import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { default as Koffi, LibraryHandle } from 'koffi';
import { cacheFolder } from '../../base/cache-folder.ts';
import { EngineError } from '../engine.ts';
import { KernelCache } from '../kernel-cache.ts';
import { firstLine } from '../koffi.ts';
import { C_FOLDER, type Part, type Toolchain } from './toolchain.ts';

/** Where objects are kept for the next process. */
export const createObjectCache = (): KernelCache => new KernelCache(path.join(cacheFolder(), 'native'));

/** The objects of one compiler. */
export class Objects {
  private readonly toolchain: Toolchain;
  private readonly cache: KernelCache;
  /** Headers are part of every text that includes them. */
  private readonly headers: string;

  constructor(toolchain: Toolchain, cache = createObjectCache()) {
    this.toolchain = toolchain;
    this.cache = cache;
    this.headers = digestOfFolder(C_FOLDER);
  }

  /** The object of some texts, from the cache or made now. Throws EngineError if the compiler fails. */
  async object(sources: readonly string[], part: Part = 'program'): Promise<Uint8Array> {
    const parts = [...this.toolchain.identity, this.headers, part, ...sources];
    const kept = this.cache.kept(parts);
    if (kept !== undefined) return kept;
    const object = await this.toolchain.compile(sources, part);
    this.cache.keep(parts, object);
    return object;
  }
}

function digestOfFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(path.join(folder, name)));
  return hash.digest('hex');
}

/**
 * Loads an object from a new folder of this user alone, so that it is what was checked and nothing else: where it was kept
 * makes no difference.
 * @param options.global whether later objects find its functions.
 * @throws EngineError if the system loads it from none of `folders`, as where no programs may run from them.
 */
export function loadObject(
  koffi: typeof Koffi,
  object: Uint8Array,
  options: { readonly global: boolean },
  folders: readonly string[] = [tmpdir(), cacheFolder()],
): LibraryHandle {
  const reasons: string[] = [];
  for (const folder of new Set(folders)) {
    try {
      return loadFrom(koffi, object, options, folder);
    } catch (error) {
      reasons.push(firstLine(error));
    }
  }
  throw new EngineError(
    `native: a compiled program does not load from ${[...new Set(folders)].join(' or ')} (${reasons[0]}); set VAE_DATA_DIR to a folder from which programs may run`,
  );
}

function loadFrom(
  koffi: typeof Koffi,
  object: Uint8Array,
  options: { readonly global: boolean },
  parent: string,
): LibraryHandle {
  const folder = mkdtempSync(path.join(parent, 'vae-native-'));
  try {
    const file = path.join(folder, 'program.so');
    writeFileSync(file, object);
    chmodSync(file, 0o700);
    return koffi.load(file, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
