/** A thread that decodes picture files: see decode-pool.ts. */

import { parentPort } from 'node:worker_threads';
import { decodeFiles, type Job } from './decode-files.ts';

parentPort!.on('message', async (job: Job) => parentPort!.postMessage(await decodeFiles(job)));
