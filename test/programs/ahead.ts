/** An engine that has several runs under way, for tests: the runs of another, whose results come late and out of order. */

import type { Engine } from '../../src/engines/engine.ts';

export interface AheadEngine extends Engine {
  /** The most runs that were under way at once. */
  most(): number;
  underWay(): number;
}

/** @param failAt the run that fails, counted from 1, and all behind it, as on a device that is lost. */
export function ahead(engine: Engine, runsAhead: number, failAt = Number.POSITIVE_INFINITY): AheadEngine {
  let [made, underWay, most] = [0, 0, 0];
  let last: Promise<unknown> = Promise.resolve();
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...engine,
    runsAhead,
    most: () => most,
    underWay: () => underWay,
    compile: async (program, bindings) => {
      const executable = await engine.compile(program, bindings);
      return {
        run: async (call) => {
          const number = ++made;
          most = Math.max(most, ++underWay);
          const done = last.then(async () => {
            if (number >= failAt) throw new Error(`run ${number}: the device is lost`);
            const results = Object.entries(await executable.run(call));
            return Object.fromEntries(results.map(([name, values]) => [name, values.slice()]));
          });
          last = done.catch(() => {});
          try {
            return await done;
          } finally {
            await turns((7 * number) % 5);
            underWay--;
          }
        },
        release: async () => {
          await last;
          await executable.release();
        },
      };
    },
  };
}
