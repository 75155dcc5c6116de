/** Programs compiled for the batch sizes that turn up, each once. */

import type { Executable } from '../engines/engine.ts';

export class Executables<Key = number> {
  private readonly compiled = new Map<Key, Promise<Executable>>();
  private readonly compile: (key: Key) => Promise<Executable>;

  constructor(compile: (key: Key) => Promise<Executable>) {
    this.compile = compile;
  }

  /** The executable for a batch size, compiled when it is first asked for. */
  of(key: Key): Promise<Executable> {
    const executable = this.compiled.get(key) ?? this.compile(key);
    this.compiled.set(key, executable);
    return executable;
  }

  /** Frees what was compiled. It never fails: what could not be compiled has said so, and that must not be hidden. */
  async release(): Promise<void> {
    for (const executable of this.compiled.values()) await executable.then((ready) => ready.release()).catch(() => {});
    this.compiled.clear();
  }
}
