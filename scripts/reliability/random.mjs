/** Numbers of a small generator: a function of the seed and of what they are for, the same on every machine. */

/** FNV-1a over the text of all parts, then mixed, so that neighbouring cases have nothing in common. */
export function generator(...parts) {
  let state = 0x811c9dc5;
  for (const character of parts.join('\u0000')) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);
  /** In [0, 1): mulberry32. */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  const pick = (items) => items[below(items.length)];
  const bytes = (count) => Buffer.from(Array.from({ length: count }, () => below(256)));
  const shuffled = (items) => {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  };
  return { next, below, pick, bytes, shuffled };
}
