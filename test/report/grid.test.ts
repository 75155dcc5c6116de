import { describe, expect, it } from 'vitest';
import type { ImageShape } from '../../src/data/dataset.ts';
import { concatenated, drawGrid, layGrid } from '../../src/report/grid.ts';
import { type Column, drawHistory, evenly, shownEpochs } from '../../src/report/history.ts';
import { decoded, findText, pixel } from './reading.ts';

const GREY: ImageShape = [1, 28, 28];
const COLOUR: ImageShape = [3, 32, 32];

/** Images of one level each, [count, C, H, W]. */
const flat = ([channels, height, width]: ImageShape, levels: readonly number[]): Float32Array =>
  concatenated(levels.map((level) => new Float32Array(channels * height * width).fill(level / 255)));

describe('a grid', () => {
  it('has each image in its place, from left to right and top to bottom', () => {
    const picture = decoded(drawGrid(flat(GREY, [10, 20, 30, 40, 50]), GREY, 3));
    expect([picture.width, picture.height]).toEqual([3 * 58 + 2, 2 * 58 + 2]);
    const at = (column: number, row: number) => pixel(picture, 2 + column * 58 + 28, 2 + row * 58 + 28)[0];
    expect([at(0, 0), at(1, 0), at(2, 0), at(0, 1), at(1, 1), at(2, 1)]).toEqual([10, 20, 30, 40, 50, 64]);
  });

  it('has red, green and blue of colour images', () => {
    const image = concatenated([200, 100, 50].map((level) => new Float32Array(1024).fill(level / 255)));
    const picture = decoded(drawGrid(image, COLOUR, 1));
    expect([picture.width, pixel(picture, 30, 30)]).toEqual([68, [200, 100, 50]]);
  });

  it('names its rows and columns where they are, beneath its title', () => {
    const canvas = layGrid(flat(GREY, [0, 0, 0, 0]), GREY, {
      columns: 2,
      title: 'A row changes one latent',
      rowNames: ['z0', 'z17'],
      columnNames: ['-1.5', '2'],
    });
    const picture = decoded(canvas.png());
    const [title, z0, z17, left, right] = ['A row changes', 'z0', 'z17', '-1.5', '2'].map(
      (text) => findText(picture, text)!,
    );
    expect(title.y).toBeLessThan(left.y);
    expect(left.y).toBe(right.y);
    expect(left.x).toBeLessThan(right.x);
    expect(left.y).toBeLessThan(z0.y);
    expect(z17.y - z0.y).toBe(58);
  });

  it('makes room for names that are wider than images', () => {
    const columnNames = ['original', 'original'];
    const picture = decoded(layGrid(flat([1, 4, 4], [9, 9]), [1, 4, 4], { columns: 2, side: 4, columnNames }).png());
    const { x, y } = findText(picture, 'original', 1)!;
    expect(findText(picture, 'original', 1)).toBeDefined();
    expect(x + 47).toBeLessThan(picture.width / 2);
    expect(y).toBeGreaterThan(0);
  });
});

describe('the reconstruction history', () => {
  const column = (name: string, levels: readonly number[]): Column => ({ name, images: flat(COLOUR, levels) });

  it('has a row an image: the original, then every epoch', () => {
    const columns = [column('original', [0, 100]), column('1', [1, 101]), column('2', [2, 102])];
    const picture = decoded(drawHistory(columns, COLOUR));
    const names = ['original', '1', '2'].map((text) => findText(picture, text, 1)!);
    expect(names.map(({ y }) => y)).toEqual([names[0].y, names[0].y, names[0].y]);
    const top = picture.height - 2 * 66;
    const rows = [top + 30, top + 96].map((y) => [30, 96, 162].map((x) => pixel(picture, x, y)[0]));
    expect(rows).toEqual([
      [0, 1, 2],
      [100, 101, 102],
    ]);
  });

  it('names the class of each image', () => {
    const picture = decoded(drawHistory([column('original', [0, 100])], COLOUR, ['apples', 'boxes']));
    expect(findText(picture, 'boxes', 2)!.y - findText(picture, 'apples', 2)!.y).toBe(66);
  });

  const epochs = Array.from({ length: 201 }, (_, i) => i + 1);

  it('of many epochs shows fifty columns, the first and the last epoch among them', () => {
    const shown = shownEpochs(epochs, 10, GREY);
    expect([shown.length, shown[0], shown.at(-1)]).toEqual([49, 1, 201]);
    expect(new Set(shown.slice(1).map((epoch, i) => epoch - shown[i]))).toEqual(new Set([4, 5]));
  });

  it('of large images shows fewer, so that it stays small enough to be drawn again and again', () => {
    expect(shownEpochs(epochs, 10, [3, 256, 256])).toHaveLength(8);
    expect(shownEpochs(epochs, 10, [3, 1024, 1024])).toEqual([1, 51, 101, 151, 201]);
  });

  it('of few epochs shows them all', () => expect(shownEpochs([3, 5], 10, GREY)).toEqual([3, 5]));
});

describe('evenly', () => {
  it('keeps all where they are few, and the ends where they are many', () => {
    expect(evenly(3, 5)).toEqual([0, 1, 2]);
    expect(evenly(9, 3)).toEqual([0, 4, 8]);
    expect(evenly(9, 1)).toEqual([8]);
    expect(evenly(0, 5)).toEqual([]);
  });
});
