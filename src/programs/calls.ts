/** Calls of programs one after the other, of which an engine may have several under way at once. */

import { setImmediate } from 'node:timers/promises';
import type { Call, Engine, Executable, Results } from '../engines/engine.ts';

/** A compiled program, and what it is to be given. */
export interface PreparedCall {
  readonly executable: Executable;
  readonly call: Call;
}

/** Milliseconds after which signals and timers get their turn: an engine that computes at once leaves them none. */
const TURN_EVERY = 50;

/**
 * Makes a call for each of `works`, and gives what `finish` makes of its results, in the order of `works` however far the
 * engine runs ahead. The next of `works` is asked for when the engine has room for one more call.
 *
 * Every call that was made is finished, even where the consumer leaves early, and none is under way any more once this has
 * ended. After an error, which is thrown once, no result counts.
 */
export async function* callEach<Work, Item>(
  { runsAhead = 1 }: Pick<Engine, 'runsAhead'>,
  works: Iterable<Work>,
  prepare: (work: Work) => Promise<PreparedCall>,
  finish: (results: Results, work: Work) => Item,
): AsyncGenerator<Item, void, undefined> {
  const underWay: { readonly work: Work; readonly results: Promise<Results> }[] = [];
  const finishOldest = async (): Promise<Item> => {
    const { work, results } = underWay.shift()!;
    try {
      return finish(await results, work);
    } catch (error) {
      await Promise.allSettled(underWay.splice(0).map((other) => other.results));
      throw error;
    }
  };
  let turned = performance.now();
  try {
    for (const work of works) {
      if (performance.now() - turned > TURN_EVERY) {
        await setImmediate();
        turned = performance.now();
      }
      const { executable, call } = await prepare(work);
      const results = executable.run(call);
      // A failure is thrown when its turn comes; until then somebody must seem to listen.
      results.catch(() => {});
      underWay.push({ work, results });
      if (underWay.length >= runsAhead) yield await finishOldest();
    }
    while (underWay.length > 0) yield await finishOldest();
  } finally {
    while (underWay.length > 0) await finishOldest();
  }
}

/** Goes through all of them, where nothing is to be done between. */
export async function all(runs: AsyncIterable<void>): Promise<void> {
  for await (const _ of runs);
}
