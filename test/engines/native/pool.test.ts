/** The pool of threads in C: every chunk is done once, steps do not overlap, callers wait. */

import { describe, expect, it } from 'vitest';
import { build, missing, titled } from './sources.ts';

/**
 * Each step adds what all chunks of the step before have left, which is wrong as soon as a chunk is done twice, left out,
 * or begun too early.
 */
const BODY = `
#include <stdlib.h>
#include "pool.h"
enum { CHUNKS = 37 };
struct work { long steps; long sums[2][CHUNKS]; int denormals; };
static void body(void *context, struct vae_worker *worker) {
  struct work *work = context;
  volatile float tiny = 0x1p-126f;
  if (tiny * 0.5f != 0) work->denormals = 1;
  for (long step = 0; step < work->steps; step++) {
    for (long chunk; (chunk = vae_claim(worker, CHUNKS)) >= 0;) {
      long sum = 0;
      for (long i = 0; i < CHUNKS; i++) sum += work->sums[step % 2][i];
      work->sums[(step + 1) % 2][chunk] += sum % 1009 + chunk;
    }
    vae_barrier(worker);
  }
}
/* What the steps come to; −1 where a thread keeps denormals. */
VAE_EXPORT long steps(struct vae_pool *pool, long count) {
  struct work *work = calloc(1, sizeof *work);
  work->steps = count;
  vae_run(pool, body, work);
  long sum = work->denormals ? -1 : 0;
  for (long i = 0; i < CHUNKS && sum >= 0; i++) sum += work->sums[count % 2][i];
  free(work);
  return sum;
}
`;

describe.skipIf(missing !== undefined)(titled('the pool of threads in C'), () => {
  const library = missing === undefined ? build(['pool.c'], BODY) : (undefined as never);
  const call = (prototype: string) => (missing === undefined ? library.func(prototype) : (undefined as never));
  const create = call('void *vae_pool_new(int)');
  const end = call('void vae_pool_free(void *)');
  const steps = call('long steps(void *, long)');

  /** The same steps, one after the other. */
  function expected(count: number): number {
    const sums = [new Array<number>(37).fill(0), new Array<number>(37).fill(0)];
    for (let step = 0; step < count; step++) {
      const sum = sums[step % 2].reduce((a, b) => a + b, 0);
      sums[(step + 1) % 2] = sums[(step + 1) % 2].map((value, chunk) => value + (sum % 1009) + chunk);
    }
    return sums[count % 2].reduce((a, b) => a + b, 0);
  }

  it.each([1, 2, 3, 8])('of %i threads does every chunk of every step once', (threads) => {
    const pool = create(threads);
    for (const count of [0, 1, 2, 50, 300]) expect(Number(steps(pool, count))).toBe(expected(count));
    end(pool);
  });

  it('lets several callers wait for each other', async () => {
    const pool = create(2);
    const results = await Promise.all(
      Array.from(
        { length: 6 },
        () =>
          new Promise<number>((resolve, reject) => {
            steps.async(pool, 200, (error: unknown, value: number) => (error ? reject(error) : resolve(Number(value))));
          }),
      ),
    );
    expect(results).toEqual(new Array(6).fill(expected(200)));
    end(pool);
  });

  it('runs a thousand times, and can be made again', () => {
    for (let i = 0; i < 3; i++) {
      const pool = create(2);
      for (let run = 0; run < 300; run++) expect(Number(steps(pool, 3))).toBe(expected(3));
      end(pool);
    }
  });
});
