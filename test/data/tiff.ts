/** TIFF files of one strip, of samples that no library would write. */

/** Tag, type (3 SHORT, 4 LONG) and values. */
export type Entry = readonly [tag: number, type: 3 | 4, values: readonly number[]];

export interface Tiff {
  readonly width: number;
  readonly height: number;
  readonly samples?: number;
  readonly bits?: number;
  /** 1 integers, 2 signed integers, 3 floats. */
  readonly format?: number;
  /** 0 white is zero, 1 black is zero, 2 colour, 5 CMYK, 8 Lab. */
  readonly photometric?: number;
  readonly extraSamples?: readonly number[];
  /** 1 sample beside sample, 2 plane after plane. */
  readonly planar?: 1 | 2;
  /** More tags, for all directories. */
  readonly more?: readonly Entry[];
  readonly data: Uint8Array;
  readonly big?: boolean;
  /** NewSubfileType of each directory: all have the same pixels. */
  readonly directories?: readonly number[];
}

export function encodeTiff({ big = false, directories = [0], ...picture }: Tiff): Buffer {
  const { width, height, samples = 1, bits = 8, format = 1, planar = 1, extraSamples, more = [], data } = picture;
  const { photometric = samples >= 3 ? 2 : 1 } = picture;
  const strips = planar === 2 ? samples : 1;
  const stripBytes = data.length / strips;
  const header = big ? 16 : 8;
  const entries = (subfile: number): Entry[] =>
    [
      [254, 4, [subfile]],
      [256, 4, [width]],
      [257, 4, [height]],
      [258, 3, Array(samples).fill(bits)],
      [259, 3, [1]],
      [262, 3, [photometric]],
      [273, 4, Array.from({ length: strips }, (_, i) => header + i * stripBytes)],
      [277, 3, [samples]],
      [278, 4, [height]],
      [279, 4, Array(strips).fill(stripBytes)],
      [284, 3, [planar]],
      ...(extraSamples ? [[338, 3, extraSamples]] : []),
      [339, 3, Array(samples).fill(format)],
      ...more,
    ].sort((a, b) => (a[0] as number) - (b[0] as number)) as Entry[];

  const file: Buffer[] = [Buffer.alloc(header), Buffer.from(data)];
  const offset = () => file.reduce((sum, { length }) => sum + length, 0);
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(big ? 8 : 4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const start = offset();
  directories.forEach((subfile, i) => {
    const values: Buffer[] = [];
    const list = entries(subfile);
    const [countBytes, entryBytes, room] = big ? [8, 20, 8] : [2, 12, 4];
    const size = countBytes + list.length * entryBytes + room;
    const beyond = offset() + size;
    const directory = Buffer.alloc(size);
    directory.writeUInt16LE(list.length);
    list.forEach(([tag, type, numbers], k) => {
      const bytes = Buffer.alloc(Math.max(room, numbers.length * (type === 3 ? 2 : 4)));
      numbers.forEach((value, at) => {
        if (type === 3) bytes.writeUInt16LE(value, 2 * at);
        else bytes.writeUInt32LE(value, 4 * at);
      });
      const at = countBytes + k * entryBytes;
      directory.writeUInt16LE(tag, at);
      directory.writeUInt16LE(type, at + 2);
      directory.writeUInt32LE(numbers.length, at + 4);
      const fits = bytes.length <= room;
      (fits ? bytes : word(beyond + Buffer.concat(values).length)).copy(directory, at + 4 + (big ? 8 : 4));
      if (!fits) values.push(bytes);
    });
    const beyondBytes = Buffer.concat(values);
    const next = i + 1 < directories.length ? beyond + beyondBytes.length : 0;
    word(next).copy(directory, size - room);
    file.push(directory, beyondBytes);
  });
  const head = file[0];
  head.write('II');
  head.writeUInt16LE(big ? 43 : 42, 2);
  if (big) head.writeUInt16LE(8, 4);
  word(start).copy(head, big ? 8 : 4);
  return Buffer.concat(file);
}
