/**
 * Where NVIDIA's libraries are: found by name, in the toolkit's folder, in the driver's, and in Python's packages, which
 * bring them to machines that have no toolkit. It looks at files alone, and loads nothing.
 */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { homeFolder } from '../../base/cache-folder.ts';

export type LibraryName = 'driver' | 'nvrtc' | 'cublasLt';

/** Releases of CUDA whose libraries the engine knows, the newest first. */
const MAJORS = [13, 12] as const;

interface LibrarySpec {
  /** What it is called, for a release of CUDA. */
  readonly file: (major: number) => string;
  readonly what: string;
  readonly remedy: string;
}

const PACKAGES = "install CUDA 12 or 13, or Python's packages";

export const LIBRARIES: { readonly [L in LibraryName]: LibrarySpec } = {
  driver: {
    file: () => 'libcuda.so.1',
    what: "NVIDIA's driver",
    remedy: 'it comes with the driver of an NVIDIA GPU; use another device where there is none',
  },
  nvrtc: {
    file: (major) => `libnvrtc.so.${major}`,
    what: 'the compiler NVRTC',
    remedy: `${PACKAGES} nvidia-cuda-nvrtc or nvidia-cuda-nvrtc-cu12`,
  },
  cublasLt: {
    file: (major) => `libcublasLt.so.${major}`,
    what: 'the matrix library cuBLASLt',
    remedy: `${PACKAGES} nvidia-cublas or nvidia-cublas-cu12`,
  },
};

export interface FoundLibrary {
  readonly name: LibraryName;
  readonly path: string;
  /** The release of CUDA; the driver's is not known before it is asked. */
  readonly major?: number;
}

/** Where to look; for tests. */
export interface SearchOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** In front of every absolute folder. */
  readonly root?: string;
  /** The newest release that the driver can serve. */
  readonly newest?: number;
}

const isFolder = (folder: string): boolean => existsSync(folder);

/** The names in a folder that begin so; none where there is no such folder. */
const namesIn = (folder: string, prefix = ''): string[] =>
  isFolder(folder)
    ? readdirSync(folder)
        .filter((name) => name.startsWith(prefix))
        .sort()
        .reverse()
    : [];

/** Folders of Python's packages: of the environments that are active, of every python3 on the path, of the system. */
function sitePackages(environment: NonNullable<SearchOptions['environment']>, root: string): string[] {
  const onPath = (environment.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '' && existsSync(path.join(folder, 'python3')))
    .map((folder) => path.dirname(folder));
  const home = environment.HOME || homeFolder();
  const prefixes = [
    ...[environment.VIRTUAL_ENV, environment.CONDA_PREFIX].filter((prefix) => prefix !== undefined && prefix !== ''),
    ...onPath,
    ...(home ? [path.join(home, '.local')] : []),
    path.join(root, '/usr/local'),
    path.join(root, '/usr'),
  ] as string[];
  return prefixes.flatMap((prefix) =>
    namesIn(path.join(prefix, 'lib'), 'python3').flatMap((version) =>
      ['site-packages', 'dist-packages'].map((kind) => path.join(prefix, 'lib', version, kind)),
    ),
  );
}

/** Every folder that may hold a library, the likeliest first. */
export function libraryFolders({ environment = process.env, root = '/' }: SearchOptions = {}): string[] {
  const toolkits = [
    environment.CUDA_HOME,
    environment.CUDA_PATH,
    path.join(root, '/usr/local/cuda'),
    ...namesIn(path.join(root, '/usr/local'), 'cuda-').map((name) => path.join(root, '/usr/local', name)),
  ].filter((folder) => folder !== undefined && folder !== '') as string[];
  const linked = (environment.LD_LIBRARY_PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const packages = sitePackages(environment, root).flatMap((site) =>
    namesIn(path.join(site, 'nvidia')).map((name) => path.join(site, 'nvidia', name, 'lib')),
  );
  const driver = ['/usr/local/nvidia/lib64', '/usr/local/nvidia/lib', '/usr/lib/wsl/lib'];
  const system = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
  const folders = [
    ...linked,
    ...toolkits.flatMap((toolkit) =>
      ['lib64', 'lib', 'targets/x86_64-linux/lib'].map((lib) => path.join(toolkit, lib)),
    ),
    ...packages,
    ...[...driver, ...system].map((folder) => path.join(root, folder)),
  ];
  return [...new Set(folders)].filter(isFolder);
}

/** Finds a library, of the newest release that the driver can serve; undefined where there is none. */
export function findLibrary(name: LibraryName, options: SearchOptions = {}): FoundLibrary | undefined {
  const folders = libraryFolders(options);
  const majors = name === 'driver' ? [undefined] : MAJORS.filter((major) => major <= (options.newest ?? MAJORS[0]));
  for (const major of majors) {
    const file = LIBRARIES[name].file(major ?? 0);
    const folder = folders.find((candidate) => existsSync(path.join(candidate, file)));
    if (folder !== undefined) return { name, path: path.join(folder, file), ...(major !== undefined && { major }) };
  }
  return undefined;
}
