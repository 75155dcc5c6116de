/** Animated PNGs, which every browser plays: the PNG specification, third edition, sections 4.9 and 11.3.4. */

import { encodeChunk, encodePng, markAsDrawn } from '../data/pictures/png.ts';
import type { Raster } from './canvas.ts';

export interface Timing {
  /** How long a frame is shown, in milliseconds. */
  readonly delay: number;
  /** The last frame is shown longer, because it is the result. */
  readonly lastDelay: number;
}

/** The longest delay that the format can hold, in milliseconds. */
export const LONGEST_DELAY = 65535;

interface Chunk {
  readonly type: string;
  readonly body: Buffer;
}

const SIGNATURE_BYTES = 8;

/**
 * Encodes frames of one size and one kind of colour as one endless animation. A program that shows no animations shows the
 * first frame. Each frame is compressed as a PNG of its own, whose pixels move into the animation as they are.
 */
export function encodeAnimation(frames: readonly Raster[], { delay, lastDelay }: Timing): Buffer {
  const [first] = frames;
  const odd = frames.findIndex(({ width, height, channels }) =>
    [width, height, channels].some((size, i) => size !== [first.width, first.height, first.channels][i]),
  );
  if (odd !== -1) throw new Error(`frame ${odd} of an animation is not of the first one's size and kind`);
  const parts: Buffer[] = [];
  const add = (type: string, body: Buffer) => parts.push(encodeChunk(type, body));
  // One number for every fcTL and fdAT, in their order in the file.
  let sequence = 0;
  frames.forEach((frame, i) => {
    const png = encodePng(frame.width, frame.height, frame.channels, frame.bytes);
    const chunks = chunksOf(png);
    if (i === 0) {
      parts.push(png.subarray(0, SIGNATURE_BYTES));
      add('IHDR', chunks.find(({ type }) => type === 'IHDR')!.body);
      // 0 plays: it repeats for ever.
      add('acTL', words(frames.length, 0));
    }
    add('fcTL', frameControl(sequence++, frame, i === frames.length - 1 ? lastDelay : delay));
    for (const { body } of chunks.filter(({ type }) => type === 'IDAT')) {
      if (i === 0) add('IDAT', body);
      else add('fdAT', Buffer.concat([words(sequence++), body]));
    }
  });
  add('IEND', Buffer.alloc(0));
  return markAsDrawn(Buffer.concat(parts));
}

/** The whole picture is replaced, without blending. */
function frameControl(sequence: number, { width, height }: Raster, milliseconds: number): Buffer {
  const rest = Buffer.alloc(6);
  rest.writeUInt16BE(Math.min(LONGEST_DELAY, Math.round(milliseconds)), 0);
  rest.writeUInt16BE(1000, 2);
  return Buffer.concat([words(sequence, width, height, 0, 0), rest]);
}

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    buffer.writeUInt32BE(value, 4 * i);
  });
  return buffer;
}

/** The chunks of a PNG that this program wrote. */
function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), body: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}
