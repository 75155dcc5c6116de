/** Round values for an axis, and how they are written. */

/** A multiple of 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * (1 - 1e-9))!;
}

/** Round values, at most `count` + 1, from `low` to `high`, both included if they are round. Needs low < high. */
export function linearTicks(low: number, high: number, count: number): number[] {
  const step = roundStep((high - low) / count);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  // Adding zero turns a minus zero into zero.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)) + 0);
}

/** Powers of ten from `low` to `high`, and their multiples if there are too few. Needs 0 < low < high. */
export function logarithmicTicks(low: number, high: number, count: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const ticksOf = (factors: readonly number[], every = 1): number[] =>
    powers
      .filter((power) => (power - first) % every === 0)
      .flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)))
      .filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const ones = ticksOf([1], Math.max(1, Math.ceil(powers.length / (1.5 * count))));
  if (ones.length >= 3) return ones;
  const few = ticksOf([1, 2, 5]);
  return few.length >= 2 ? few : linearTicks(low, high, count);
}

/** The ticks of one axis as text, all in one style: 0.25 and 150, or 1e-3 if that is shorter. */
export function formatTicks(ticks: readonly number[]): string[] {
  const sizes = ticks.filter((tick) => tick !== 0).map(Math.abs);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const scientific = most < 0.01 || most >= 1e6 || least < 1e-4;
  return ticks.map((tick) => {
    if (!scientific || tick === 0) return String(Number(tick.toPrecision(12)));
    const [mantissa, exponent] = tick.toExponential().split('e');
    return `${Number(Number(mantissa).toPrecision(12))}e${Number(exponent)}`;
  });
}
