/** Decodes many picture files on every core, a bounded number of them at a time. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { InputError } from '../../base/errors.ts';
import type { ImageShape } from '../dataset.ts';
import { type Decoded, decodeFiles, type Job } from './decode-files.ts';

/** It is beside this file once both are compiled; when the sources run directly, the calling thread decodes. */
const THREAD = new URL('./decode-worker.js', import.meta.url);
/** Each thread may hold a picture of up to half a gigabyte; libuv decodes four of them at a time. */
const MOST_THREADS = 8;
/** For fewer files, starting a thread takes longer than reading them. */
const FILES_A_THREAD = 100;
const FILES_A_JOB = 16;

/**
 * The files of a folder as images of a shape, in order.
 * @throws InputError if a picture ends a thread.
 */
export async function* decodeAll(
  folder: string,
  names: readonly string[],
  shape: ImageShape,
): AsyncGenerator<Decoded, void, undefined> {
  const jobs: Job[] = [];
  for (let start = 0; start < names.length; start += FILES_A_JOB) {
    jobs.push({ folder, names: names.slice(start, start + FILES_A_JOB), shape });
  }
  const wanted = Math.min(availableParallelism(), MOST_THREADS, Math.floor(names.length / FILES_A_THREAD));
  if (wanted < 2 || !existsSync(THREAD)) {
    for (const job of jobs) yield* await decodeFiles(job);
    return;
  }
  const threads = Array.from({ length: wanted }, () => new Worker(THREAD, { execArgv: [] }));
  try {
    // Each thread has one job at a time: job i belongs to thread i mod n.
    const answers = threads.map((thread, i) => start(thread, jobs[i]));
    for (let i = 0; i < jobs.length; i++) {
      const decoded = await answers[i % wanted];
      const next = jobs[i + wanted];
      if (next !== undefined) answers[i % wanted] = start(threads[i % wanted], next);
      yield* decoded;
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function start(thread: Worker, job: Job): Promise<readonly Decoded[]> {
  thread.postMessage(job);
  const answer = once(thread, 'message').then(
    ([decoded]) => decoded,
    (error: Error) => {
      const files = `${job.names[0]} to ${job.names.at(-1)}`;
      throw new InputError(`${job.folder}: cannot decode ${files}: ${error.message}`);
    },
  );
  // It may fail before anything waits for it.
  answer.catch(() => {});
  return answer;
}
