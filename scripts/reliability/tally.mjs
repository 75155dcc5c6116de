/** What a part of the campaign has found: counts, failures with the way to see them again, slowest case, peak memory. */

export class Tally {
  name;
  counts = new Map();
  failures = [];
  slowest = { milliseconds: 0, what: '' };
  peak = { bytes: 0, what: '' };
  seconds = 0;

  constructor(name) {
    this.name = name;
  }

  count(what, by = 1) {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** @param again the command, or the settings, with which it is seen again. */
  fail(what, again) {
    this.failures.push({ what, again });
  }

  took(milliseconds, what) {
    if (milliseconds > this.slowest.milliseconds) this.slowest = { milliseconds, what };
  }

  held(bytes, what) {
    if (bytes > this.peak.bytes) this.peak = { bytes, what };
  }
}

/** Failures of one kind differ in numbers only; of each kind a few are shown. */
const SHOWN = 3;
const kindOf = (what) => what.replace(/\/\S+/g, 'a path').replace(/\d+/g, 'n').slice(0, 120);

export function describe(tallies) {
  const lines = [];
  for (const { name, counts, failures, slowest, peak, seconds } of tallies) {
    const found = [...counts].map(([what, count]) => `${count.toLocaleString('en')} ${what}`).join(', ');
    lines.push(
      `${name}: ${found || 'nothing tried'}; ${failures.length} failures; ` +
        `slowest ${(slowest.milliseconds / 1000).toFixed(2)} s${slowest.what && ` (${slowest.what})`}; ` +
        `peak memory ${Math.round(peak.bytes / 1e6)} MB${peak.what && ` (${peak.what})`}; ${Math.round(seconds)} s`,
    );
  }
  for (const { name, failures } of tallies) {
    const kinds = byKind(failures);
    for (const alike of kinds.values()) {
      lines.push(`FAILURE in ${name}, ${alike.length} times: ${alike[0].what}`);
      for (const { again } of alike.slice(0, SHOWN)) lines.push(`  ${again}`);
    }
  }
  return lines.join('\n');
}

function byKind(failures) {
  const kinds = new Map();
  for (const failure of failures) {
    const kind = kindOf(failure.what);
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  return kinds;
}
