/** Runs under way at once: their results in order, each once, and no failure lost or told of twice. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executable, Results } from '../../src/engines/engine.ts';
import { callEach } from '../../src/programs/calls.ts';

const unhandled: unknown[] = [];
const remember = (reason: unknown) => unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', remember));
afterAll(() => void process.off('unhandledRejection', remember));

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Squares its argument, late: the first run later than the second. A run with a negative argument fails. */
function squares(runsAhead: number) {
  const log: string[] = [];
  const own = new Float32Array(1);
  let [underWay, most] = [0, 0];
  const executable: Executable = {
    run: async ({ arguments: given }) => {
      const x = given!.x[0];
      log.push(`run ${x}`);
      most = Math.max(most, ++underWay);
      await turns(x % 2 === 0 ? 1 : 5);
      underWay--;
      if (x < 0) throw new Error(`${x} is negative`);
      const result = runsAhead === 1 ? own : new Float32Array(1);
      result[0] = x * x;
      return { result };
    },
    release: async () => {},
  };
  const each = (works: Iterable<number>) =>
    callEach(
      { runsAhead },
      works,
      async (x) => {
        if (x === 99) throw new Error('99 does not compile');
        return { executable, call: { arguments: { x: Float32Array.of(x) } } };
      },
      ({ result }: Results, x) => {
        log.push(`finish ${x}`);
        return result[0];
      },
    );
  return { each, log, state: () => ({ underWay, most }) };
}

const finished = (log: readonly string[]) => log.filter((line) => line.startsWith('finish'));

describe.each([1, 2, 4])('runs, at most %i under way', (runsAhead) => {
  const works = Array.from({ length: 11 }, (_, i) => i + 1);

  it('give their results in order, and are as many at once as they may', async () => {
    const { each, state } = squares(runsAhead);
    const found: number[] = [];
    for await (const value of each(works)) found.push(value);
    expect(found).toEqual(works.map((x) => x * x));
    expect(state()).toEqual({ underWay: 0, most: runsAhead });
  });

  it('are asked for only when there is room', async () => {
    const { each } = squares(runsAhead);
    let asked = 0;
    function* counted() {
      for (const work of works) {
        asked = work;
        yield work;
      }
    }
    let taken = 0;
    for await (const _ of each(counted())) expect(asked).toBe(Math.min(works.length, taken++ + runsAhead));
  });

  it('are all finished when the consumer leaves', async () => {
    const { each, log, state } = squares(runsAhead);
    for await (const value of each(works)) if (value === 9) break;
    expect(state().underWay).toBe(0);
    const made = 3 + runsAhead - 1;
    expect(log.filter((line) => line.startsWith('run'))).toHaveLength(made);
    expect(finished(log)).toEqual(works.slice(0, made).map((x) => `finish ${x}`));
  });

  it('that fail say so once, and none counts behind them', async () => {
    const { each, log, state } = squares(runsAhead);
    const found: number[] = [];
    const failing = async () => {
      for await (const value of each([1, 2, -3, -4, 5, 6, 7])) found.push(value);
    };
    await expect(failing()).rejects.toThrow('-3 is negative');
    expect(found).toEqual([1, 4]);
    expect(finished(log)).toEqual(['finish 1', 'finish 2']);
    expect(state().underWay).toBe(0);
  });

  it('that fail behind a consumer who has left are not kept from him', async () => {
    const { each, state } = squares(runsAhead);
    const leaving = async () => {
      for await (const _ of each([1, -2, -3, -4])) break;
    };
    if (runsAhead === 1) await leaving();
    else await expect(leaving()).rejects.toThrow('-2 is negative');
    expect(state().underWay).toBe(0);
  });

  it('that cannot be prepared leave those before them whole', async () => {
    const { each, log, state } = squares(runsAhead);
    const failing = async () => {
      for await (const _ of each([1, 2, 3, 99, 5]));
    };
    await expect(failing()).rejects.toThrow('99 does not compile');
    expect(finished(log)).toEqual(['finish 1', 'finish 2', 'finish 3']);
    expect(state().underWay).toBe(0);
  });
});

it('no failure of a run that nobody waited for yet has gone unheard', async () => {
  await turns(10);
  expect(unhandled).toEqual([]);
});
