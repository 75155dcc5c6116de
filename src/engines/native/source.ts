/** A whole program as one translation unit in C: its steps, and a function that all threads of a pool run. */

import type { Operand } from '../compiled/arguments.ts';
import { foldingSource } from './foldings.ts';
import type { Phase } from './phases.ts';

const PROLOGUE = `#include <stdbool.h>

#include "functions.h"
#include "noise.h"
#include "pool.h"
#include "product.h"
#include "rows.h"
`;

/**
 * @param indexOf where in the array of pointers an operand's is.
 * @returns source with one function, \`vae_program(pool, pointers)\`.
 */
export function sourceOf(phases: readonly Phase[], indexOf: (operand: Operand) => number): string {
  const functions = new Set(phases.flatMap(({ steps }) => steps.map(({ source }) => source)));
  const body = phases.flatMap(({ steps }, i) => {
    const total = steps.reduce((sum, { tasks }) => sum + tasks, 0);
    let before = 0;
    const calls = steps.map(({ name, operands, tasks }) => {
      const pointers = operands.map((operand) => `p[${indexOf(operand)}]`);
      const task = before === 0 ? 'task' : `task - ${before}`;
      before += tasks;
      const call = `${name}(${[...pointers, task].join(', ')});`;
      return before === total ? call : `if (task < ${before}) ${call}`;
    });
    return [
      ...(i > 0 ? ['  vae_barrier(worker);'] : []),
      `  while ((task = vae_claim(worker, ${total})) >= 0) {`,
      ...calls.map((call, j) => `    ${j > 0 ? 'else ' : ''}${call}`),
      '  }',
    ];
  });
  return [
    PROLOGUE,
    foldingSource,
    ...functions,
    'static void body(void *context, struct vae_worker *worker) {',
    '  void *const *p = context;',
    '  long task;',
    '  (void)p;',
    '  (void)task;',
    ...body,
    '}',
    '',
    'VAE_EXPORT void vae_program(struct vae_pool *pool, void *const *pointers) { vae_run(pool, body, (void *)pointers); }',
    '',
  ].join('\n');
}
