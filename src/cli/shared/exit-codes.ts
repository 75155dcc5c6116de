/** What the process's exit code says. */

export const OK = 0;
export const RUNTIME_ERROR = 1;
export const USAGE_ERROR = 2;
export const INTERRUPTED = 130;

/** Ends the process with a code when all that is to be said has been said. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}
