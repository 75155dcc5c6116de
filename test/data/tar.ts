/** Tar archives as nobody should make them. */

import { gzipSync } from 'node:zlib';

export interface Entry {
  readonly name: string;
  /** "0" a file, "2" a link, "5" a folder. */
  readonly type?: string;
  readonly content?: Buffer;
  readonly target?: string;
}

/** A gzipped archive in the POSIX format (ustar), with the names as they are given. */
export function tarArchive(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, type = '0', content = Buffer.alloc(0), target = '' }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(target, 157, 100);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
