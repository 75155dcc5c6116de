/** The exit codes of the process. */

export const OK = 0;
export const RUNTIME_ERROR = 1;
export const USAGE_ERROR = 2;
export const INTERRUPTED = 130;

/** Ends the process with a code, after everything has been printed. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}
