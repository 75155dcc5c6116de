/** Calls into shared libraries, through koffi. */

import type Koffi from 'koffi';
import { EngineError, MissingError } from '../engine.ts';
import { firstLine, importKoffi } from '../koffi.ts';
import { findLibrary, LIBRARIES, type LibraryName, type SearchOptions } from './libraries.ts';

export type Pointer = bigint;
export type Argument = number | bigint | string | null | ArrayBufferView;
export type ForeignFunction = (...args: readonly Argument[]) => number;

/** A library's functions by name, bound when they are first called. */
export interface Foreign {
  readonly path: string;
  /** Declares a function by its prototype in C. Throws EngineError where the library does not have it. */
  bind(prototype: string): ForeignFunction;
}

let koffi: typeof Koffi | undefined;

export async function loadKoffi(): Promise<typeof Koffi> {
  koffi ??= await importKoffi('cuda');
  return koffi;
}

/** Opens a library where it is found, or by its bare name where the system's loader knows it. */
export async function openLibrary(name: LibraryName, options: SearchOptions = {}): Promise<Foreign> {
  const library = await loadKoffi();
  const { what, remedy, file } = LIBRARIES[name];
  const found = findLibrary(name, options);
  const bare = file(Math.min(options.newest ?? 12, 13));
  try {
    const handle = library.load(found?.path ?? bare);
    return {
      path: found?.path ?? bare,
      bind: (prototype) => {
        try {
          return handle.func(prototype) as ForeignFunction;
        } catch (error) {
          const where = found?.path ?? bare;
          throw new EngineError(`${where} is too old or too new for the cuda engine (${firstLine(error)}); ${remedy}`);
        }
      },
    };
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const reason = found === undefined ? `no ${bare} here` : `${found.path}: ${firstLine(error)}`;
    const message = `cuda: needs ${what} (${reason}): ${remedy}`;
    throw found === undefined ? new MissingError(message) : new EngineError(message);
  }
}

/** All functions of a library that are needed of it, by their names. */
export const bindAll = <Name extends string>(
  library: Foreign,
  prototypes: { readonly [N in Name]: string },
): { readonly [N in Name]: ForeignFunction } =>
  Object.fromEntries(
    Object.entries<string>(prototypes).map(([name, prototype]) => [name, library.bind(prototype)]),
  ) as { [N in Name]: ForeignFunction };

/** Memory of the host as an ArrayBuffer, without a copy; it must outlive the buffer's use. */
export const viewOf = (address: Pointer, bytes: number): ArrayBuffer =>
  bytes === 0 ? new ArrayBuffer(0) : koffi!.view(address, bytes);

export const textAt = (address: Pointer): string => koffi!.decode.string(address);

/** Memory of the host that does not move, of `words` 64-bit words; never freed. */
export function fixedWords(words: number): { readonly address: Pointer; readonly words: BigUint64Array } {
  const address = BigInt(koffi!.alloc('uint64_t', words));
  return { address, words: new BigUint64Array(viewOf(address, 8 * words)) };
}
