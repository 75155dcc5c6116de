/** A small ICC profile, of grey with a gamma: ICC.1:2001-04. */

const fixed = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65_536));
  return bytes;
};

/** The white of all profiles' connection space, D50. */
const WHITE = Buffer.concat([fixed(0.9642), fixed(1), fixed(0.8249)]);

export function greyProfile(gamma: number): Buffer {
  const curve = Buffer.alloc(16);
  curve.write('curv');
  curve.writeUInt32BE(1, 8);
  curve.writeUInt16BE(Math.round(gamma * 256), 12);
  const description = Buffer.alloc(104);
  description.write('desc');
  description.writeUInt32BE(2, 8);
  description.write('g', 12);
  const tags = [
    ['desc', description],
    ['cprt', Buffer.from('text\0\0\0\0none\0\0\0\0')],
    ['wtpt', Buffer.concat([Buffer.from('XYZ \0\0\0\0'), WHITE])],
    ['kTRC', curve],
  ] as const;
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let at = 128 + table.length;
  tags.forEach(([name, body], i) => {
    table.write(name, 4 + 12 * i);
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(body.length, 12 + 12 * i);
    at += body.length;
  });
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.writeUInt32BE(0x02100000, 8);
  header.write('mntrGRAYXYZ ', 12);
  header.write('acsp', 36);
  WHITE.copy(header, 68);
  return Buffer.concat([header, table, ...tags.map(([, body]) => body)]);
}
