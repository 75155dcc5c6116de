/** Latents as CSV: a header, then one line per image. */

/** A column that names each image. */
export interface Names {
  readonly heading: string;
  readonly values: ArrayLike<string | number>;
}

/** Nine digits bring a 32-bit float back exactly. */
const formatNumber = (value: number): string => String(Number(value.toPrecision(9)));

/** RFC 4180: quotes where a value would be read as more than one. */
const formatName = (value: string | number): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

/**
 * Columns `index`, the image's names, then of each group of numbers [count, L] its latents: mean0, mean1, ... Lines end in
 * a newline.
 */
export function encodeCsv(names: readonly Names[], groups: Readonly<Record<string, Float32Array>>): string {
  const count = names[0].values.length;
  const parts = Object.entries(groups).map(([name, values]) => ({ name, values, latent: values.length / count }));
  const headings = parts.flatMap(({ name, latent }) => Array.from({ length: latent }, (_, l) => `${name}${l}`));
  const lines = [['index', ...names.map(({ heading }) => heading), ...headings].join(',')];
  for (let i = 0; i < count; i++) {
    const numbers = parts.flatMap(({ values, latent }) =>
      Array.from(values.subarray(i * latent, (i + 1) * latent), formatNumber),
    );
    lines.push([i, ...names.map(({ values }) => formatName(values[i])), ...numbers].join(','));
  }
  return `${lines.join('\n')}\n`;
}
