/** Mistakes of the user, or of the user's files, that a person reads as one line. */

/** Something given to the program is wrong: a file, a checkpoint, a value. The message says what, where, and what to do. */
export class InputError extends Error {
  override name = 'InputError';
}

/** A setting is wrong, by itself or for the data at hand. */
export class ConfigError extends InputError {}

/** The words of a system error as a person reads them, for a path that could not be read or written. */
export function describeSystemError(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EISDIR: 'it is a folder, not a file',
    ENOTDIR: 'a part of the path is a file, not a folder',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    EEXIST: 'it exists already',
    ELOOP: 'its links lead round in a circle',
    EFBIG: 'larger than a file may be here',
    ENAMETOOLONG: 'the name is too long',
  };
  return (code !== undefined ? known[code] : undefined) ?? (error instanceof Error ? error.message : String(error));
}
