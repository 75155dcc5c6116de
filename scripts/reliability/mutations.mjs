/** Ways in which a file can be damaged, by a disk, a network or a stranger. Each takes bytes and gives other ones. */

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const NASTY_SIZES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

const deep = (depth, [left, right]) => left.repeat(depth) + right.repeat(depth);
/** A text that would move the cursor, colour the terminal or ring its bell, if it were printed as it is. */
const ESCAPES = '\u001b[31m\u001b]0;title\u0007\u009b2J\u0085\u202e';

/** What a token of a JSON text may become. */
const NASTY_TOKENS = [
  'null',
  'true',
  '-1',
  '0',
  '0.5',
  '1e308',
  '-1e308',
  '9e14',
  '9007199254740993',
  '4294967296',
  'NaN',
  'Infinity',
  '""',
  '"x"',
  '[]',
  '{}',
  '[[[]]]',
  '{"toString":1}',
  '{"__proto__":{"polluted":1}}',
  '{"length":4294967296}',
  '{"then":1}',
  '"__proto__"',
  '"constructor"',
  '"/proc"',
  '"/dev/zero"',
  JSON.stringify(ESCAPES),
  JSON.stringify('x'.repeat(100_000)),
  deep(4000, '[]'),
  `${'{"a":'.repeat(4000)}1${'}'.repeat(4000)}`,
];

const nastyText = (random) => random.pick(NASTY_TOKENS);

/** A value that no setting expects. */
export function nastyValue(random) {
  const text = nastyText(random);
  if (text === 'NaN' || text === 'Infinity') return Number(text);
  return JSON.parse(text);
}

const at = (bytes, random) => random.below(Math.max(1, bytes.length));
const copyOf = (bytes) => Buffer.from(bytes);

function changedAt(bytes, position, change) {
  const copy = copyOf(bytes);
  if (copy.length > 0) copy[position] = change(copy[position]);
  return copy;
}

/** The bit at a position counted over the whole file. */
export const flipBit = (bytes, bit) => changedAt(bytes, bit >> 3, (byte) => byte ^ (1 << (bit & 7)));

function span(bytes, random) {
  const start = at(bytes, random);
  return [start, Math.min(bytes.length, start + 1 + random.below(Math.max(1, bytes.length >> random.below(6))))];
}

export const MUTATIONS = {
  bit: (bytes, random) => flipBit(bytes, random.below(8 * Math.max(1, bytes.length))),
  byte: (bytes, random) => changedAt(bytes, at(bytes, random), () => random.pick([0, 255, random.below(256)])),
  head: (bytes, random) => changedAt(bytes, random.below(Math.min(64, bytes.length || 1)), () => random.below(256)),
  size(bytes, random) {
    const copy = copyOf(bytes);
    if (copy.length < 4) return copy;
    const [position, value] = [random.below(copy.length - 3), random.pick(NASTY_SIZES)];
    if (random.below(2) === 0) copy.writeUInt32BE(value, position);
    else copy.writeUInt32LE(value, position);
    return copy;
  },
  truncated: (bytes, random) => copyOf(bytes.subarray(0, random.below(bytes.length + 1))),
  extended: (bytes, random) =>
    Buffer.concat([
      bytes,
      random.pick([random.bytes(1 + random.below(40)), Buffer.alloc(1 + random.below(5000)), bytes]),
    ]),
  swapped(bytes, random) {
    const copy = copyOf(bytes);
    if (copy.length === 0) return copy;
    const [i, j] = [at(bytes, random), at(bytes, random)];
    [copy[i], copy[j]] = [copy[j], copy[i]];
    return copy;
  },
  zeroed(bytes, random) {
    const [from, to] = span(bytes, random);
    return copyOf(bytes).fill(random.pick([0, 255]), from, to);
  },
  removed(bytes, random) {
    const [from, to] = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  spliced(bytes, random, others) {
    const [from, to] = span(bytes, random);
    const other = random.pick(others);
    const [start, end] = span(other, random);
    return Buffer.concat([
      bytes.subarray(0, from),
      other.subarray(start, end),
      bytes.subarray(random.pick([from, to])),
    ]);
  },
  token(bytes, random) {
    const text = bytes.toString('latin1');
    const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/g)];
    if (tokens.length === 0) return copyOf(bytes);
    const { index, 0: token } = random.pick(tokens);
    return Buffer.concat([
      bytes.subarray(0, index),
      Buffer.from(nastyText(random)),
      bytes.subarray(index + Buffer.byteLength(token, 'latin1')),
    ]);
  },
};

const NAMES = Object.keys(MUTATIONS);

/** One to three kinds of damage, one after the other. */
export function damage(bytes, random, others) {
  let damaged = bytes;
  for (let left = 1 + (random.below(3) === 0 ? random.below(3) : 0); left > 0; left--) {
    damaged = MUTATIONS[random.pick(NAMES)](damaged, random, others);
  }
  return damaged;
}

/** A safetensors file whose header is damaged, and whose length of the header is right again. */
export function damageHeader(bytes, random, others) {
  const length = Number(bytes.readBigUInt64LE());
  const kind = random.pick(['token', 'token', 'byte', 'removed', 'spliced']);
  const header = MUTATIONS[kind](bytes.subarray(8, 8 + length), random, others);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, bytes.subarray(8 + length)]);
}

/** A PNG whose chunks are damaged, and have right checksums again. */
export function damageChunks(png, random) {
  const chunks = [];
  for (let from = 8; from + 12 <= png.length; ) {
    const end = from + 12 + png.readUInt32BE(from);
    chunks.push({ type: png.subarray(from + 4, from + 8), body: png.subarray(from + 8, end - 4) });
    from = end;
  }
  const i = random.below(chunks.length);
  const kind = random.below(6);
  if (kind === 0) chunks.splice(i, 1);
  else if (kind === 1) chunks.splice(random.below(chunks.length + 1), 0, chunks[i]);
  else if (kind === 2)
    chunks[i] = { ...chunks[i], type: random.pick([Buffer.from('tEXt'), Buffer.from('acTL'), random.bytes(4)]) };
  else if (kind === 3 && String(chunks[i].type) === 'IDAT')
    chunks[i] = { ...chunks[i], body: damageRows(chunks[i].body, random) };
  else
    chunks[i] = {
      ...chunks[i],
      body: damage(
        chunks[i].body,
        random,
        chunks.map(({ body }) => body),
      ),
    };
  const written = chunks.map(({ type, body }) => {
    const typed = Buffer.concat([type, body]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    checksum.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, checksum]);
  });
  return Buffer.concat([png.subarray(0, 8), ...written]);
}

function damageRows(compressed, random) {
  try {
    const rows = inflateSync(compressed);
    return deflateSync(damage(rows, random, [rows]));
  } catch {
    return compressed;
  }
}

/** A copy of plain data in which one value, anywhere, is another. */
export function damageValue(data, random) {
  const copy = structuredClone(data);
  let [place, key] = [{ copy }, 'copy'];
  while (typeof place[key] === 'object' && place[key] !== null && !ArrayBuffer.isView(place[key])) {
    const keys = Object.keys(place[key]);
    if (keys.length === 0) break;
    [place, key] = [place[key], random.pick(keys)];
  }
  if (ArrayBuffer.isView(place[key]))
    place[key][random.below(place[key].length)] = random.pick([Number.NaN, Number.POSITIVE_INFINITY, 1e38]);
  else place[key] = nastyValue(random);
  return copy;
}
