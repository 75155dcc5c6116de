/** A whole program in C: its steps, in several files that compile at the same time, and a function that all threads run. */

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

/** Characters that are worth a file of their own, and the most files. */
const [LONG, MOST_FILES] = [2 ** 15, 8];

/**
 * @param indexOf where in the array of pointers an operand's is.
 * @returns files, of which the first has the program's entry, \`vae_program(pool, pointers)\`.
 */
export function sourcesOf(phases: readonly Phase[], indexOf: (operand: Operand) => number): string[] {
  const functions = new Map(phases.flatMap(({ steps }) => steps.map((step) => [step.name, step] as const)));
  const length = [...functions.values()].reduce((sum, { body }) => sum + body.length, 0);
  const files = Array.from({ length: Math.min(MOST_FILES, Math.ceil(length / LONG)) }, () => ({
    text: [PROLOGUE, foldingSource],
    length: 0,
  }));
  for (const { declaration, body } of functions.values()) {
    const shortest = files.reduce((least, file) => (file.length < least.length ? file : least));
    shortest.text.push(`${declaration} ${body}`);
    shortest.length += body.length;
  }
  const declarations = [...functions.values()].map(({ declaration }) => `${declaration};`);
  return [
    [PROLOGUE, ...declarations, ...entry(phases, indexOf)].join('\n'),
    ...files.map(({ text }) => text.join('\n')),
  ];
}

/** The function that all threads run, and the one that is called. */
function entry(phases: readonly Phase[], indexOf: (operand: Operand) => number): string[] {
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
  ];
}
