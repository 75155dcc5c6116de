/** Colours of pictures. */

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

export const WHITE: Colour = [255, 255, 255];
export const BLACK: Colour = [0, 0, 0];
export const grey = (level: number): Colour => [level, level, level];

const hex = (code: string): Colour => [0, 2, 4].map((at) => Number.parseInt(code.slice(at, at + 2), 16)) as never;

/** Ten colours that colour-blind people can tell apart: Petroff, "Accessible color sequences" (2021). */
const SEQUENCE = '3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd'.split(' ').map(hex);

/** The colour for use in the background. */
export const paler = (colour: Colour): Colour => colour.map((part) => Math.round(part + 0.6 * (255 - part))) as never;

/** After ten colours they repeat, darker each time. */
const FADE = 0.6;

/** The colour of the n-th series or class. */
export function seriesColour(n: number): Colour {
  const darker = FADE ** Math.floor(n / SEQUENCE.length);
  return SEQUENCE[n % SEQUENCE.length].map((part) => Math.round(part * darker)) as never;
}
