import { describe, expect, it } from 'vitest';
import { fillNoise } from '../../src/random/random.ts';
import { seriesColour } from '../../src/report/colours.ts';
import { principalComponents } from '../../src/report/principal-components.ts';
import { drawScatter } from '../../src/report/scatter.ts';
import { countPixels, crop, decoded, findText, pixel } from './reading.ts';

const noise = (length: number, stream = 'points'): Float32Array => {
  const values = new Float32Array(length);
  fillNoise(values, { kind: 'standardNormal' }, { seed: 1, stream, step: 0 });
  return values;
};

describe('the legend of a scatter', () => {
  it('names the classes, as far as the font can write them', () => {
    const names = ['cats', 'été', '猫', 'a name of many letters'];
    const scatter = { title: '', points: noise(8), dimensions: 2, labels: [0, 1, 2, 3] };
    const picture = decoded(drawScatter({ ...scatter, names }));
    for (const name of ['0 cats', '1 ete', '3 a name of many']) expect(findText(picture, name), name).toBeDefined();
    expect(findText(decoded(drawScatter(scatter)), '0 cats')).toBeUndefined();
  });
});

describe('principal components', () => {
  it('are the directions that points were stretched in, with the shares of their variance', () => {
    // Variances 16 along (0, 3, 4)/5, 4 along (1, 0, 0), and nothing else.
    const [a, b] = [noise(4000, 'a'), noise(4000, 'b')];
    const points = Float32Array.from({ length: 12_000 }, (_, i) => {
      const row = Math.floor(i / 3);
      return [2 * b[row] + 7, 0.6 * 4 * a[row] - 2, 0.8 * 4 * a[row]][i % 3];
    });
    const { points: projected, explained } = principalComponents(points, 3);
    expect(explained[0]).toBeCloseTo(0.8, 1);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 6);
    const mean = a.reduce((sum, value) => sum + value, 0) / 4000;
    for (const row of [0, 17, 3999]) expect(projected[2 * row]).toBeCloseTo(4 * (a[row] - mean), 0);
  });

  it('explain no less than any other two directions', () => {
    const points = noise(20 * 500).map((value, i) => value * (1 + (i % 20) / 10));
    const { points: projected, explained } = principalComponents(points, 20);
    const variance = (values: Float32Array, column: number, stride: number): number => {
      const own = values.filter((_, i) => i % stride === column);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      return own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
    };
    const single = Array.from({ length: 20 }, (_, l) => variance(points, l, 20));
    const total = single.reduce((sum, value) => sum + value, 0);
    const [first, second] = [variance(projected, 0, 2), variance(projected, 1, 2)];
    expect(first).toBeGreaterThan(Math.max(...single));
    expect(first).toBeGreaterThan(second);
    expect(explained[0]).toBeCloseTo(first / total, 5);
    expect(explained[1]).toBeCloseTo(second / total, 5);
  });

  it('of the same points are the same, and of points that do not differ explain nothing', () => {
    const points = noise(300);
    expect(principalComponents(points, 3)).toEqual(principalComponents(points, 3));
    const { points: projected, explained } = principalComponents(new Float32Array(30).fill(2), 3);
    expect(explained).toEqual([0, 0]);
    expect(projected).toEqual(new Float32Array(20));
  });
});

const draw = (more: Partial<Parameters<typeof drawScatter>[0]>) =>
  decoded(drawScatter({ title: 'Latent means', points: noise(400), dimensions: 2, ...more }));

describe('a scatter', () => {
  it('names its axes and its classes, in their colours, and where their points are', () => {
    const labels = Uint8Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 3 : 8));
    const points = noise(400).map((value, i) => 0.1 * value + (i % 4 < 2 ? -2 : 2));
    const picture = draw({ points, labels, axisLabels: ['latent 0', 'latent 1'] });
    for (const text of ['Latent means', 'latent 0', 'latent 1']) expect(findText(picture, text), text).toBeDefined();
    const legend = crop(picture, picture.width - 68, 0, 68, picture.height);
    const plot = crop(picture, 60, 70, picture.width - 130, picture.height - 130);
    ['3', '8'].forEach((label, i) => {
      const { x, y } = findText(legend, label)!;
      expect(pixel(legend, x - 18, y + 7)).toEqual(seriesColour(i));
    });
    const [three, eight] = ['3', '8'].map((label) => findText(plot, label)!);
    expect(three.x).toBeLessThan(eight.x - 300);
    expect(three.y).toBeGreaterThan(eight.y + 300);
  });

  it('has a colour for each of twelve classes', () => {
    const labels = Uint8Array.from({ length: 200 }, (_, i) => i % 12);
    const picture = draw({ labels });
    for (let i = 0; i < 12; i++) expect(countPixels(picture, seriesColour(i))).toBeGreaterThan(100);
  });

  it('says how many classes its legend leaves out', () => {
    const labels = Uint8Array.from({ length: 200 }, (_, i) => i % 100);
    expect(findText(draw({ labels }), 'and 81 more')).toBeDefined();
  });

  it('has units of one length on both axes, unless it is told otherwise', () => {
    const points = noise(400).map((value, i) => value * (i % 2 === 0 ? 10 : 1));
    const extent = (equal: boolean): number => {
      const picture = draw({ points, equal });
      const rows = Array.from({ length: picture.height }, (_, y) => y).filter((y) =>
        Array.from({ length: picture.width }, (_, x) => pixel(picture, x, y)).some(([red, , blue]) => blue > red + 40),
      );
      return rows[rows.length - 1] - rows[0];
    };
    expect(extent(true)).toBeLessThan(150);
    expect(extent(false)).toBeGreaterThan(500);
  });

  it('of more dimensions says that it is PCA, and what the picture explains', () => {
    const points = noise(5 * 100).map((value, i) => (i % 5 < 2 ? value : 0));
    const picture = draw({ points, dimensions: 5 });
    expect(findText(picture, 'by PCA: 100 % of the')).toBeDefined();
    expect(findText(picture, 'component 1 (')).toBeDefined();
  });

  it('is drawn of one point', () => {
    expect(countPixels(draw({ points: Float32Array.of(1, 2), labels: [4] }), seriesColour(0))).toBe(0);
    expect(draw({ points: Float32Array.of(1, 2, 3), dimensions: 3 }).width).toBeGreaterThan(600);
  });
});
