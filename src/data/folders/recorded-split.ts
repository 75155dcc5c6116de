/** Which files of a folder a run was trained on, and which it is tested on: a run keeps that, whatever the folder becomes. */

import { InputError } from '../../base/errors.ts';
import type { Dataset, ImageFile } from '../dataset.ts';

const PARTS = ['train', 'validation', 'test'] as const;

export type RecordedSplit = Readonly<Record<(typeof PARTS)[number], readonly ImageFile[]>> & {
  readonly classes: readonly string[];
  /** Files that gave no image. */
  readonly skipped: readonly string[];
};

/** What a run is to keep; undefined of a dataset whose images have no files of their own. */
export function recordSplit({ classes, train, validation, test, skipped = [] }: Dataset): RecordedSplit | undefined {
  if (train.files === undefined) return undefined;
  return {
    classes,
    train: train.files,
    validation: validation.files ?? [],
    test: test.files ?? [],
    skipped,
  };
}

/** Whether a dataset has exactly the recorded images, in whatever parts. */
export function hasRecorded(dataset: Dataset, recorded: RecordedSplit): boolean {
  const imagesOf = (parts: RecordedSplit): string[] =>
    PARTS.flatMap((part) => parts[part].map(({ name, checksum }) => `${checksum} ${name}`)).sort();
  const now = recordSplit(dataset);
  return now !== undefined && imagesOf(now).join('\n') === imagesOf(recorded).join('\n');
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isImageFile = (value: unknown): boolean => {
  const { name, checksum } = (value ?? {}) as Partial<ImageFile>;
  return isText(name) && Number.isSafeInteger(checksum);
};
const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);

/**
 * Reads such a record. `file` is for messages.
 * @throws InputError if it is none.
 */
export function parseSplit(text: string, file: string): RecordedSplit {
  let value: Record<string, unknown> = {};
  try {
    value = Object(JSON.parse(text));
  } catch {
    // As of one without its lists.
  }
  const isWhole =
    PARTS.every((part) => isListOf(value[part], isImageFile)) &&
    // No run is without images to train on and to test on.
    [value.train, value.test].every((files) => (files as unknown[]).length > 0) &&
    isListOf(value.classes, isText) &&
    isListOf(value.skipped, isText);
  if (!isWhole) {
    throw new InputError(
      `${file}: damaged: expected the files of the parts of the run's images; remove it to have them drawn again`,
    );
  }
  return value as unknown as RecordedSplit;
}
