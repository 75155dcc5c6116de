/** What is in a folder of a dataset's own files. */

import { statSync } from 'node:fs';
import path from 'node:path';
import { listFolder } from '../base/files.ts';

export interface FolderEntry {
  readonly name: string;
  /** With the folder. */
  readonly file: string;
  readonly isFolder: boolean;
}

/** What an archive or a file server leaves beside the files. */
export const DEBRIS: readonly string[] = ['__MACOSX', '@eaDir'];

/** By name, without hidden ones; links are followed. */
export const lookInto = (folder: string): FolderEntry[] =>
  listFolder(folder)
    .filter((name) => !name.startsWith('.') && !DEBRIS.includes(name))
    .sort()
    .map((name) => {
      const file = path.join(folder, name);
      return { name, file, isFolder: isFolder(file) };
    });

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    // What cannot be reached is reported where it is read.
    return false;
  }
}

export const foldersIn = (entries: readonly FolderEntry[]): FolderEntry[] => entries.filter(({ isFolder }) => isFolder);
