/**
 * The machine's C compiler: which one it is, for which processor, and what it makes of a text. It is started with
 * arguments, never through a shell.
 */

import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeSystemError } from '../../base/errors.ts';
import { joined } from '../../base/words.ts';
import { EngineError, MissingError } from '../engine.ts';

/** The fixed part's sources and headers. */
export const C_FOLDER = fileURLToPath(new URL('../../../src/engines/native/c/', import.meta.url));

export interface Toolchain {
  /** The compiler and its version, in its own words. */
  readonly description: string;
  /** All that decides what it makes of a text: its version, its target's macros, the flags, the processor. */
  readonly identity: readonly string[];
  /** Floats in a vector of the processor. */
  readonly lanes: number;
  /** What it is told for every text. */
  readonly flags: readonly string[];
  /**
   * Makes a shared object of texts in C, which may include the headers of the fixed part.
   * @throws EngineError with the compiler's first complaint.
   */
  compile(sources: readonly string[], part?: Part): Promise<Uint8Array>;
}

/** Where to look; for tests. */
export interface ToolchainOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  readonly processor?: NodeJS.Architecture;
}

/** In the order in which they are tried. */
const COMPILERS = ['cc', 'clang', 'gcc'] as const;

/** Functions are inlined and loops become vectors; rounding is not changed. */
const FLAGS = [
  '-std=gnu11',
  '-pipe',
  '-fPIC',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-fopenmp-simd',
  '-fvisibility=hidden',
  '-w',
];

/**
 * Of the fixed part, and of programs. Programs are long and simple: with -O3 they take twice as long to compile, and run no
 * faster. The fixed part's tiles need products not to be rounded before they are added; a program's values may be computed
 * in several loops, and must have the same bits in each: where a maximum is looked for, for example.
 */
const PARTS = {
  fixed: ['-O3', '-ffp-contract=fast'],
  program: ['-O1', '-ftree-vectorize', '-ffp-contract=off'],
} as const;
export type Part = keyof typeof PARTS;

/**
 * A program finds the fixed part's functions when it is loaded; its own are never another library's. Objects stay where they
 * are until the process is gone: when it ends, what closes all libraries does not wait for the threads that run in them.
 */
const LINKING: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['-shared', '-pthread', '-Wl,-undefined,dynamic_lookup'],
};
const LINKING_ELSEWHERE = ['-shared', '-pthread', '-Wl,-Bsymbolic', '-Wl,-z,now', '-Wl,-z,nodelete'];

/** How this machine's processor is asked for, and the macro that its programs have. */
const PROCESSORS: Readonly<Partial<Record<NodeJS.Architecture, { readonly flag: string; readonly macro: string }>>> = {
  x64: { flag: '-march=native', macro: '__x86_64__' },
  arm64: { flag: '-mcpu=native', macro: '__aarch64__' },
};

const APPLE_NAMES: Readonly<Partial<Record<NodeJS.Architecture, string>>> = { x64: 'x86_64', arm64: 'arm64' };

const INSTALL: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'install gcc and the headers of the C library, as in the package build-essential',
  darwin: 'install it with xcode-select --install',
};

/**
 * Finds the compiler that CC names, or the first of cc, clang and gcc that runs.
 * @throws MissingError where there is none, EngineError where it is of no use.
 */
export async function findToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const { environment = process.env, platform = process.platform, processor = process.arch } = options;
  const named = commandOf(environment.CC ?? '');
  const remedy = `${INSTALL[platform] ?? 'install gcc or clang'}, or use another device`;
  if (named.length === 0 && platform === 'darwin' && !(await hasAppleTools(environment))) {
    throw new MissingError(`native: needs a C compiler, and Apple's is not installed: ${remedy}`);
  }
  const machine = { environment, platform, processor };
  const failures: unknown[] = [];
  for (const command of named.length > 0 ? [named] : COMPILERS.map((name) => [name])) {
    const version = await run([...command, '--version'], environment);
    if (version.failure === undefined) {
      try {
        return await examine(command, version.stdout, machine);
      } catch (error) {
        failures.push(error);
      }
    } else if (named.length > 0) {
      throw new EngineError(`native: the compiler that CC names, ${command[0]}, does not run (${version.failure})`);
    }
  }
  if (failures.length > 0) throw failures[0];
  throw new MissingError(`native: needs a C compiler, and none of ${joined(COMPILERS, 'and')} is here: ${remedy}`);
}

/** A path, which may have spaces in it, or a command with arguments of its own, such as "ccache gcc". */
const commandOf = (text: string): readonly string[] =>
  existsSync(text) ? [text] : text.split(/\s+/).filter((word) => word !== '');

/** Asked first, because a Mac without them has a cc that opens a window. */
async function hasAppleTools(environment: NodeJS.ProcessEnv): Promise<boolean> {
  return (await run(['xcode-select', '-p'], environment)).failure === undefined;
}

/** Finds out for which processor a compiler compiles. */
async function examine(
  command: readonly string[],
  version: string,
  { environment, platform, processor }: Required<ToolchainOptions>,
): Promise<Toolchain> {
  const target = PROCESSORS[processor];
  const apple = platform === 'darwin' && APPLE_NAMES[processor] ? ['-arch', APPLE_NAMES[processor]] : [];
  // An old compiler may not know how to ask; its usual processor then has to do.
  const [asked, usual] = [[...apple, ...(target ? [target.flag] : [])], apple];
  let cpu = asked;
  let macros = await macrosOf(command, asked, environment);
  if (macros.failure !== undefined) {
    cpu = usual;
    macros = await macrosOf(command, usual, environment);
  }
  if (macros.failure !== undefined) throw failed(command, macros.failure);
  const has = (macro: string): boolean => macros.stdout.includes(`#define ${macro} `);
  if (target !== undefined && !has(target.macro)) {
    throw new EngineError(
      `native: the compiler ${command[0]} compiles for another processor than this one (${processor})`,
    );
  }
  const lanes = has('__AVX512F__') ? 16 : has('__AVX__') ? 8 : 4;
  const widest = lanes === 16 ? ['-mprefer-vector-width=512'] : [];
  const linking = LINKING[platform] ?? LINKING_ELSEWHERE;
  const flags = [...cpu, ...widest, ...FLAGS];
  return {
    description: version.split('\n')[0].trim(),
    identity: [command.join(' '), version, macros.stdout, [...flags, ...linking].join(' '), cpus()[0]?.model ?? ''],
    lanes,
    flags,
    compile: (sources, part = 'program') =>
      compile({ command, environment }, sources, [...flags, ...PARTS[part]], linking),
  };
}

const macrosOf = (command: readonly string[], flags: readonly string[], environment: NodeJS.ProcessEnv) =>
  run([...command, ...flags, '-dM', '-E', '-x', 'c', '/dev/null'], environment);

interface Compiler {
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Several files at the same time, and then one object of all of them. */
function compile(
  { command, environment }: Compiler,
  sources: readonly string[],
  flags: readonly string[],
  linking: readonly string[],
): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const compiler = async (...args: readonly string[]): Promise<void> => {
      const { failure } = await run([...command, ...flags, ...args], environment);
      if (failure !== undefined) throw failed(command, failure.replaceAll(path.join(folder, 'program'), 'program'));
    };
    const parts = sources.map((source, i) => {
      const [text, object] = [path.join(folder, `program${i}.c`), path.join(folder, `program${i}.o`)];
      writeFileSync(text, source);
      return { text, object };
    });
    await Promise.all(parts.map(({ text, object }) => compiler('-I', C_FOLDER, '-c', text, '-o', object)));
    const whole = path.join(folder, 'program.so');
    await compiler(...linking, ...parts.map(({ object }) => object), '-o', whole);
    return Uint8Array.from(readFileSync(whole));
  });
}

/** Does something with a new folder of this user alone, which is removed behind it. */
async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(path.join(tmpdir(), 'vae-native-'));
    return await use(folder);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(`native: cannot compile in ${folder ?? tmpdir()}: ${describeSystemError(error)}`);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

const failed = (command: readonly string[], failure: string): EngineError =>
  new EngineError(`native: the compiler ${command[0]} failed: ${failure}`);

interface Ran {
  readonly stdout: string;
  /** One line, where the command could not be started or gave an error. */
  readonly failure?: string;
}

/** What a compiler writes at most; the macros of a processor are some 20,000 characters. */
const MOST_WRITTEN = 2 ** 26;

function run([command, ...args]: readonly string[], environment: NodeJS.ProcessEnv): Promise<Ran> {
  // Complaints in English, which is what the line around them is in.
  const options = { env: { ...environment, LC_ALL: 'C' }, maxBuffer: MOST_WRITTEN, windowsHide: true };
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void =>
      resolve(error === null ? { stdout } : { stdout, failure: complaintOf(error, stderr) });
    try {
      execFile(command, args, options, done);
    } catch (error) {
      resolve({ stdout: '', failure: describeSystemError(error) });
    }
  });
}

/** The first error that a compiler names, else its last words, else how it ended. */
function complaintOf(error: ExecFileException, stderr: string): string {
  if (typeof error.code === 'string') return describeSystemError(error);
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => /\berror\b|cannot find/i.test(candidate)) ?? lines.at(-1);
  return line?.trim() ?? (error.signal ? `it was ended by ${error.signal}` : `it ended with status ${error.code}`);
}
