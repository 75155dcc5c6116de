/** How the user of the command line writes a setting. */

/** `--batch-size` for `batchSize`. */
export const flagName = (field: string): string =>
  `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
