/** Files from the web: continued where an earlier attempt stopped, and checked before they get their name. */

import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Dispatcher } from 'undici';
import { describeSystemError, InputError } from '../../base/errors.ts';
import type { Report } from '../source.ts';

export interface Download {
  readonly url: string;
  /** The target. A partial download waits beside it, with ".part" after its name. */
  readonly file: string;
  /** MD5 of the whole file, in hexadecimal. */
  readonly md5: string;
  /** Of the whole file: no more is taken from a server. */
  readonly bytes: number;
}

/** Milliseconds after which a silent server counts as gone. */
const PATIENCE = 60_000;
const MEGABYTE = 1e6;
/** Parts that do not fit together are got anew at most so often. */
const ATTEMPTS = 3;

/**
 * Where a dataset's files are: VAE_MIRROR/<dataset>/ if that is set, otherwise the official address.
 * @throws InputError if VAE_MIRROR is not a URL.
 */
export function downloadUrl(dataset: string, official: string, name: string): string {
  const { VAE_MIRROR } = process.env;
  if (!VAE_MIRROR) return new URL(name, official).href;
  if (!/^https?:/.test(VAE_MIRROR) || !URL.canParse(VAE_MIRROR)) {
    throw new InputError(`VAE_MIRROR ${VAE_MIRROR}: expected a URL such as https://mirror.example/data`);
  }
  return `${VAE_MIRROR.replace(/\/$/, '')}/${dataset}/${name}`;
}

/**
 * Downloads a file, unless it is already there.
 * @throws InputError if it cannot be downloaded or stored, or is not the expected file. A partial download is kept for
 *   the next attempt, unless it is wrong.
 */
export async function download(task: Download, report: Report): Promise<void> {
  try {
    await store(task, report);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot write ${task.file}.part: ${describeSystemError(error)}`);
  }
}

async function store(task: Download, report: Report): Promise<void> {
  const { url, file, md5 } = task;
  expectFile(file);
  if (existsSync(file)) {
    const found = (await hashOf(file)).digest('hex');
    if (found !== md5) throw new InputError(`${file} is not the file of ${url}: its MD5 is ${found}; remove it`);
    return;
  }
  const part = `${file}.part`;
  expectFile(part);
  for (let attempt = 1; ; attempt++) {
    const { resumed, found } = await fetchPart(task, part, report);
    if (found === md5) break;
    rmSync(part, { force: true });
    // Parts of two versions do not make a file: only a download in one piece shows that the file itself is wrong.
    if (!resumed || attempt === ATTEMPTS) {
      throw new InputError(
        `${url} is not the file it was: its MD5 is ${found}, expected ${md5}; try again later, or name another server in VAE_MIRROR`,
      );
    }
    report.note(`the two parts of ${path.basename(file)} do not fit together; downloading it again`);
  }
  renameSync(part, file);
}

/** @throws InputError if a folder or a pipe has the name. */
function expectFile(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.isFile()) return;
  throw new InputError(`${file} is ${stats.isDirectory() ? 'a folder' : 'no file'}; remove it to download the file`);
}

async function hashOf(file: string): Promise<Hash> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash;
}

/** Appends what is missing to the partial file; returns whether there was one, and the MD5 of the whole. */
async function fetchPart({ url, file, bytes }: Download, part: string, report: Report) {
  let have = existsSync(part) ? statSync(part).size : 0;
  const name = path.basename(file);
  const broken = (reason: string) => {
    const kept =
      have > 0 ? ` after ${Math.round(have / MEGABYTE)} MB; run the same command again to continue` : '; try again';
    return new InputError(
      `the download of ${url} failed (${reason})${kept}, set HTTPS_PROXY or VAE_MIRROR, or put the file into ${path.dirname(file)} yourself`,
    );
  };

  const { statusCode, headers, body } = await ask(url, have).catch((error) => {
    throw broken(reasonOf(error));
  });
  body.on('error', () => {});
  const range = String(headers['content-range'] ?? '');
  const complete = statusCode === 416 && range === `bytes */${have}`;
  const continued = complete || (statusCode === 206 && range.startsWith(`bytes ${have}-`));
  if (!continued && statusCode !== 200) {
    body.destroy();
    // To a plain request, neither makes sense.
    if (have === 0 || (statusCode !== 416 && statusCode !== 206)) throw broken(`the server answered ${statusCode}`);
    // The partial file is not the beginning of the server's file.
    rmSync(part);
    return { resumed: true, found: 'unknown' };
  }
  if (!continued) have = 0;
  const hash = have > 0 ? await hashOf(part) : createHash('md5');
  const length = Number(headers['content-length'] ?? 0);
  const total = have + length;
  const tooMuch = () => {
    body.destroy();
    rmSync(part, { force: true });
    return new InputError(
      `${url} is not the file it was: the server sends more than its ${bytes} bytes; try again later, or name another server in VAE_MIRROR`,
    );
  };
  if (total > bytes && !complete) throw tooMuch();
  const output = await open(part, have > 0 ? 'a' : 'w');
  try {
    if (!complete) {
      for await (const chunk of chunks(body, broken)) {
        await output.appendFile(chunk);
        hash.update(chunk);
        have += chunk.length;
        if (have > bytes) throw tooMuch();
        if (length > 0) report.progress(`downloading ${name}`, have / MEGABYTE, total / MEGABYTE, 'MB');
      }
    }
  } finally {
    body.destroy();
    await output.close();
  }
  return { resumed: continued, found: hash.digest('hex') };
}

async function ask(url: string, from: number): Promise<Dispatcher.ResponseData> {
  const { Agent, interceptors, ProxyAgent, request } = await import('undici');
  const limits = { connect: { timeout: PATIENCE }, headersTimeout: PATIENCE, bodyTimeout: PATIENCE };
  const proxy = proxyOf(new URL(url));
  const agent = proxy === undefined ? new Agent(limits) : new ProxyAgent({ uri: proxy, ...limits });
  // A server may send hints for ever, each of which counts as headers.
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(new Error('the server does not answer')), 2 * PATIENCE);
  try {
    return await request(url, {
      dispatcher: agent.compose(interceptors.redirect({ maxRedirections: 5 })),
      signal: control.signal,
      // Without compression in transit: the bytes of the stored file are counted and checked.
      headers: { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) },
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The proxy for a URL, from the environment: HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY names its host. */
function proxyOf({ protocol, hostname }: URL): string | undefined {
  const read = (name: string): string => process.env[name] || process.env[name.toUpperCase()] || '';
  const exempt = read('no_proxy')
    .split(/[\s,]+/)
    .map((host) => host.replace(/^\*?\./, ''))
    .some((host) => host === '*' || hostname === host || (host !== '' && hostname.endsWith(`.${host}`)));
  return exempt ? undefined : read(`${protocol.slice(0, -1)}_proxy`) || undefined;
}

async function* chunks(body: AsyncIterable<Buffer>, broken: (reason: string) => InputError): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw broken(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOTFOUND: 'could not resolve the host',
    EAI_AGAIN: 'could not resolve the host; is there a network?',
    ECONNREFUSED: 'the server refuses the connection',
    UND_ERR_SOCKET: 'the connection was cut',
    UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
    UND_ERR_HEADERS_TIMEOUT: 'the server does not answer',
    UND_ERR_BODY_TIMEOUT: 'the server has fallen silent',
  };
  return (code !== undefined ? known[code] : undefined) ?? (message || code || String(error));
}
