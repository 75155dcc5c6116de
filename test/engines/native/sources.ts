/** The C of the native engine as a library that a test can call, made by whatever compiler the machine has. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import koffi from 'koffi';

const SOURCES = path.resolve(import.meta.dirname, '../../../src/engines/native/c');
const FLAGS = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=fast', '-Wall', '-Wextra', '-Werror'];

const COMPILER = process.env.CC ?? 'cc';

/** Why these tests cannot run here. */
export const missing =
  spawnSync(COMPILER, ['--version']).status === 0 ? undefined : `no C compiler: ${COMPILER} does not run`;

/** A suite's name that says why it is skipped. */
export const titled = (title: string): string => (missing === undefined ? title : `${title} (skipped: ${missing})`);

export type Library = ReturnType<typeof koffi.load>;

/** Compiles files of the fixed part, and more text that may include its headers, for this processor. */
export function build(files: readonly string[], text: string, more: readonly string[] = []): Library {
  const folder = mkdtempSync(path.join(tmpdir(), 'vae-native-'));
  try {
    writeFileSync(path.join(folder, 'test.c'), text);
    const library = path.join(folder, 'test.so');
    const native = process.arch === 'arm64' ? '-mcpu=native' : '-march=native';
    const sources = [...files.map((file) => path.join(SOURCES, file)), path.join(folder, 'test.c')];
    const options = [native, ...FLAGS, ...more, '-I', SOURCES, '-shared', '-fPIC', '-pthread', '-o', library];
    const { status, stderr } = spawnSync(COMPILER, [...options, ...sources, '-lm'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return koffi.load(library);
  } finally {
    // A library stays open although its file is gone.
    rmSync(folder, { recursive: true, force: true });
  }
}
