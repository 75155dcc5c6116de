import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Canvas } from '../../src/report/canvas.ts';
import { BLACK, type Colour, seriesColour, WHITE } from '../../src/report/colours.ts';
import { eachPixel, textWidth, wrap } from '../../src/report/font.ts';
import { countPixels, decoded, findText, pixel } from './reading.ts';

const RED: Colour = [255, 0, 0];

describe('a canvas', () => {
  it('has a rectangle where it was drawn and the background elsewhere', () => {
    const canvas = new Canvas(10, 8);
    canvas.rectangle({ left: 2, top: 3, right: 5, bottom: 7 }, RED);
    const picture = decoded(canvas.png());
    expect([picture.width, picture.height]).toEqual([10, 8]);
    expect(countPixels(picture, RED)).toBe(3 * 4);
    expect([pixel(picture, 2, 3), pixel(picture, 4, 6)]).toEqual([RED, RED]);
    expect([pixel(picture, 5, 6), pixel(picture, 4, 7), pixel(picture, 1, 3)]).toEqual([WHITE, WHITE, WHITE]);
  });

  it('leaves out what is outside it, and outside a box', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 4, maxLength: 4 }), ([a, b, c, d]) => {
        const canvas = new Canvas(12, 12);
        canvas.within({ left: 3, top: 3, right: 9, bottom: 9 }, () => {
          canvas.line(a, b, c, d, RED, 3);
          canvas.disc(a, d, 5, RED);
          canvas.text(c, b, 'W', { colour: RED });
          canvas.rectangle({ left: a, top: b, right: c, bottom: d }, RED);
        });
        const picture = decoded(canvas.png());
        for (let i = 0; i < 144; i++) {
          const [x, y] = [i % 12, Math.floor(i / 12)];
          if (x < 3 || x >= 9 || y < 3 || y >= 9) expect(pixel(picture, x, y)).toEqual(WHITE);
        }
        canvas.rectangle({ left: 0, top: 0, right: 1, bottom: 1 }, RED);
        expect(pixel(decoded(canvas.png()), 0, 0)).toEqual(RED);
      }),
    );
  });

  it('draws a line through its ends, as thick as asked', () => {
    const canvas = new Canvas(20, 20);
    canvas.line(4, 10, 15, 10, RED, 3);
    const picture = decoded(canvas.png());
    for (const x of [4, 9, 15]) {
      expect([9, 10, 11].map((y) => pixel(picture, x, y))).toEqual([RED, RED, RED]);
      expect([8, 12].map((y) => pixel(picture, x, y))).toEqual([WHITE, WHITE]);
    }
  });

  it('softens a slanted line’s edge', () => {
    const canvas = new Canvas(30, 30);
    canvas.line(2, 2, 27, 17, BLACK);
    const levels = new Set(canvas.bytes);
    expect(levels.size).toBeGreaterThan(5);
  });

  it('draws a disc of its area', () => {
    const canvas = new Canvas(50, 50, WHITE, 1);
    canvas.disc(25, 25, 12, BLACK);
    const area = canvas.bytes.reduce((sum, value) => sum + (255 - value) / 255, 0);
    expect(area).toBeGreaterThan(0.98 * Math.PI * 144);
    expect(area).toBeLessThan(1.02 * Math.PI * 144);
  });

  it('draws an image’s planes as red, green and blue, enlarged', () => {
    const canvas = new Canvas(6, 4);
    // Two pixels, orange-like and beyond the range.
    canvas.image(Float32Array.of(1, -3, 0.5, 2, 0, 0.2), [3, 1, 2], 1, 1, 2);
    const picture = decoded(canvas.png());
    for (const [x, y] of [
      [1, 1],
      [2, 2],
    ])
      expect(pixel(picture, x, y)).toEqual([255, 128, 0]);
    for (const [x, y] of [
      [3, 1],
      [4, 2],
    ])
      expect(pixel(picture, x, y)).toEqual([0, 255, 51]);
    expect(pixel(picture, 5, 1)).toEqual(WHITE);
  });

  it('of one channel is a grey PNG', () => {
    const png = new Canvas(3, 3, [9, 0, 0], 1).png();
    const [IHDR_COLOUR, GREY] = [25, 0];
    expect(png[IHDR_COLOUR]).toBe(GREY);
    expect(pixel(decoded(png), 1, 1)).toEqual([9, 9, 9]);
  });
});

describe('text', () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  const shape = (character: string): string => {
    const set: number[] = [];
    eachPixel(character, (column, row) => set.push(5 * row + column));
    return set.join();
  };

  it('has a shape of its own for every printable character of ASCII', () => {
    expect(new Set(printable.map(shape)).size).toBe(95);
    expect(shape(' ')).toBe('');
  });

  it('is as wide as it says, and is aligned by it', () => {
    for (const [align, x] of [
      ['left', 10],
      ['centre', 40],
      ['right', 70],
    ] as const) {
      const canvas = new Canvas(80, 24);
      canvas.text(x, 4, 'H1H1H', { scale: 2, align });
      const text = findText(decoded(canvas.png()), 'H1H1H');
      const width = 2 * textWidth('H1H1H');
      expect(text).toEqual({ x: { left: x, centre: x - width / 2, right: x - width }[align], y: 4 });
    }
  });

  it('writes a minus as a hyphen and what it cannot write as a question mark', () => {
    const canvas = new Canvas(120, 20);
    canvas.text(2, 2, '−1 × €');
    expect(findText(decoded(canvas.png()), '-1 x ?', 1)).toEqual({ x: 2, y: 2 });
  });

  it('is broken into lines that fit, and loses no word', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/)), fc.integer({ min: 5, max: 200 }), (words, width) => {
        const lines = wrap(words.join(' '), width);
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(words.join(''));
      }),
    );
  });
});

describe('colours', () => {
  it('of thirty series differ', () => {
    expect(new Set(Array.from({ length: 30 }, (_, i) => seriesColour(i).join())).size).toBe(30);
  });
});
