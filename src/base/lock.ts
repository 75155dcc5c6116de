/** A file that names the process which works in a folder, so that no other one does. */

import { linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from './errors.ts';
import { isRunning, quietly, temporaryName } from './files.ts';

/** Who holds a lock: a process, and where the system tells it, when it began, because numbers are used again. */
interface Owner {
  readonly id: number;
  readonly began: string;
}

const formatOwner = ({ id, began }: Owner): string => `${id} ${began}`;

/** A lock that was cut short, or that is no file, has an owner that never runs. */
function readOwner(lock: string): Owner | undefined {
  try {
    if (!lstatSync(lock).isFile()) return { id: 0, began: '' };
    const [id, began = ''] = readFileSync(lock, 'utf8').split(' ');
    return { id: Number(id), began };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Clock ticks since the machine began, and which beginning that was; empty where there is no /proc. */
function beginning(id: number | 'self'): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
    // The name in parentheses may hold spaces; the time is the 20th field behind it.
    return `${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}@${boot}`;
  } catch {
    return '';
  }
}

/** What this process holds: an earlier one may have had its number. */
const held = new Set<string>();

function isHeld(lock: string, { id, began }: Owner): boolean {
  if (id === process.pid) return held.has(path.resolve(lock));
  if (!isRunning(id)) return false;
  const now = beginning(id);
  return began === '' || now === '' || began === now;
}

/** What to say where another process, or another part of this one, holds the lock. */
export type Refusal = (owner: number) => string;

/**
 * Takes a lock, or takes over that of a process which is no more. Of several processes one gets it.
 * @returns what gives it back; it never throws.
 * @throws InputError in the words of `refusal` if somebody holds it, or if it cannot be written.
 */
export function takeLock(lock: string, refusal: Refusal): () => void {
  const own = formatOwner({ id: process.pid, began: beginning('self') });
  const temporary = temporaryName(lock);
  try {
    writeFileSync(temporary, own, { flag: 'wx' });
    claim(lock, temporary, own, refusal);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot write ${lock}: ${describeSystemError(error)}`);
  } finally {
    quietly(() => rmSync(temporary, { force: true }));
  }
  const place = path.resolve(lock);
  held.add(place);
  return () => {
    held.delete(place);
    quietly(() => {
      if (readFileSync(place, 'utf8') === own) rmSync(place);
    });
  };
}

/** The lock is made whole at once: another process sees none, or one with an owner. */
function claim(lock: string, whole: string, own: string, refusal: Refusal): void {
  while (!create(lock, whole, own)) {
    const owner = readOwner(lock);
    if (owner === undefined) continue;
    if (isHeld(lock, owner)) throw new InputError(refusal(owner.id));
    // Two processes may find the same dead owner. Only the one that holds a lock of its own for that may replace it.
    const release = takeLock(`${lock}.next`, refusal);
    try {
      const found = readOwner(lock);
      if (found === undefined || formatOwner(found) !== formatOwner(owner)) continue;
      renameSync(whole, lock);
      return;
    } finally {
      release();
    }
  }
}

/** False if there is a lock already. */
function create(lock: string, whole: string, own: string): boolean {
  try {
    try {
      linkSync(whole, lock);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
      // Some file systems have no links; there, a moment without an owner cannot be avoided.
      writeFileSync(lock, own, { flag: 'wx' });
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
