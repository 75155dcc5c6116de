/** Takes the files of one folder out of a tar archive, all of them or none. */

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../../base/errors.ts';
import { quietly, temporaryName } from '../../base/files.ts';

/**
 * Unpacks the folder `name` of an archive (.tar.gz) beside it. An archive with anything else in it is refused: a
 * link or a path that leads elsewhere does not belong in a dataset.
 * @throws InputError if it is damaged, has something else in it, or cannot be written.
 */
export async function unpackFolder(archive: string, name: string): Promise<void> {
  const { extract } = await import('tar');
  const target = path.join(path.dirname(archive), name);
  const temporary = temporaryName(target);
  const strangers: string[] = [];
  try {
    mkdirSync(temporary, { recursive: true });
    await extract({
      file: archive,
      cwd: temporary,
      strict: true,
      filter: (entry, about) => {
        const type = 'type' in about ? about.type : undefined;
        const [folder, file, ...deeper] = entry.split('/');
        const belongs =
          folder === name &&
          deeper.length === 0 &&
          (file === '' ? type === 'Directory' : type === 'File' && /^\w[\w.-]*$/.test(file));
        if (!belongs) strangers.push(entry);
        return belongs;
      },
    });
    if (strangers.length > 0) throw new Error(`${JSON.stringify(strangers[0])} does not belong in it`);
    if (!existsSync(path.join(temporary, name))) throw new Error(`it has no folder ${name}`);
    renameSync(path.join(temporary, name), target);
  } catch (error) {
    throw new InputError(`cannot unpack ${archive}: ${describeSystemError(error)}`);
  } finally {
    quietly(() => rmSync(temporary, { recursive: true, force: true }));
  }
}
