/** A server on this machine that does to downloads what servers, proxies and cables do; then it behaves. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { generator } from './random.mjs';

const SIZE = 200_000;
/** Requests for one file in one attempt; more is a circle. */
const MOST_REQUESTS = 12;
/** An endless body is cut off here; nobody should have read so much. */
const ENDLESS = 64e6;
/** What may wait on the disk of a file of SIZE bytes, whose card gives its size. */
const MOST_KEPT = 1e6;

const startOf = ({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);

function good(request, response, file) {
  const start = startOf(request);
  if (start > 0 && start >= file.length) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    return;
  }
  const range = start > 0 ? { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...range, 'content-length': file.length - start });
  response.end(file.subarray(start));
}

const status =
  (code, headers = {}) =>
  (_, response) =>
    response.writeHead(code, headers).end('no');
const page = '<html><body>Please accept our conditions</body></html>';
const flipped = (file, random) => {
  const copy = Buffer.from(file);
  copy[random.below(copy.length)] ^= 1 << random.below(8);
  return copy;
};

/** Each answers one request wrongly. `state.sent` counts the bytes of endless bodies. */
const HOSTILE = {
  404: status(404),
  403: status(403),
  429: status(429, { 'retry-after': '3600' }),
  500: status(500),
  503: status(503),
  204: (_, response) => response.writeHead(204).end(),
  304: (_, response) => response.writeHead(304).end(),
  '416 to a plain request': (_, response, file) =>
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end(),
  '416 with another size': (_, response) => response.writeHead(416, { 'content-range': 'bytes */7' }).end(),
  '416 without a size': status(416),
  '206 to a plain request': (_, response, file) =>
    response.writeHead(206, { 'content-range': `bytes 0-${file.length - 1}/${file.length}` }).end(file),
  '206 of another range': (_, response, file) =>
    response.writeHead(206, { 'content-range': `bytes 999-${file.length - 1}/${file.length}` }).end(file.subarray(999)),
  '206 that lies': (request, response, file) =>
    response.writeHead(206, { 'content-range': `bytes ${startOf(request)}-9/10` }).end(file.subarray(5)),
  '206 without a range': (_, response, file) => response.writeHead(206).end(file),
  'a page': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page),
  nothing: (_, response) => response.writeHead(200, { 'content-length': 0 }).end(),
  'other bytes': (request, response, file, random) => good(request, response, flipped(file, random)),
  shorter: (request, response, file) => good(request, response, file.subarray(0, -100)),
  longer: (request, response, file) => good(request, response, Buffer.concat([file, file.subarray(0, 100)])),
  'without ranges': (_, response, file) => response.writeHead(200, { 'content-length': file.length }).end(file),
  'without a length': (_, response, file) => response.writeHead(200).end(file),
  cut(request, response, file, random) {
    const body = file.subarray(Math.min(startOf(request), file.length - 1));
    const range = startOf(request) > 0 && {
      'content-range': `bytes ${startOf(request)}-${file.length - 1}/${file.length}`,
    };
    response.writeHead(range ? 206 : 200, { 'content-length': body.length, ...range });
    response.write(body.subarray(0, random.below(body.length)), () => setTimeout(() => response.destroy(), 5));
  },
  'cut without a length': (_, response, file, random) => {
    response.writeHead(200);
    response.write(file.subarray(0, random.below(file.length)), () => setTimeout(() => response.destroy(), 5));
  },
  'cut at once': (request) => request.socket.destroy(),
  'a length too large': (_, response, file) => {
    response.writeHead(200, { 'content-length': 2 * file.length });
    response.write(file, () => setTimeout(() => response.destroy(), 5));
  },
  'a length too small': ({ socket }, _, file) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n');
    socket.end(file);
  },
  'a length that is none': ({ socket }, _, file) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: -5\r\nConnection: close\r\n\r\n');
    socket.end(file);
  },
  'no http': ({ socket }) => socket.end('220 ftp.example ready\r\n'),
  'huge headers': ({ socket }) => socket.end(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(200_000)}\r\n\r\n`),
  'control characters': ({ socket }) => socket.end('HTTP/1.1 500 \u001b[31mred\r\nContent-Length: 0\r\n\r\n'),
  'a circle of redirects': ({ url }, response) => response.writeHead(302, { location: url }).end(),
  'a redirect to a file': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  'a redirect to nowhere': (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'a redirect that is none': (_, response) => response.writeHead(302, { location: 'http://' }).end(),
  'a redirect without a place': status(302),
  compressed: (_, response, file) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(file)),
  'called compressed': (_, response, file) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(file),
  slow(_, response, file) {
    response.writeHead(200, { 'content-length': file.length });
    let at = 0;
    const drip = () => {
      if (at < 30) response.write(file.subarray(at, ++at), () => setTimeout(drip, 10));
      else response.end(file.subarray(at));
    };
    drip();
  },
  endless(_, response, file, __, state) {
    response.writeHead(200);
    const more = () => {
      if (state.sent > ENDLESS || response.destroyed) response.destroy();
      else {
        state.sent += file.length;
        response.write(file, () => setImmediate(more));
      }
    };
    more();
  },
};

async function serve(files) {
  const state = { behaviour: good, asked: 0, sent: 0, random: generator('server') };
  const server = createServer((request, response) => {
    state.asked++;
    const file = files[path.basename(request.url)];
    response.on('error', () => {});
    if (state.asked > 10 * MOST_REQUESTS) request.socket.destroy();
    else if (file === undefined) status(404)(request, response);
    else state.behaviour(request, response, file, state.random, state);
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { state, url: `http://127.0.0.1:${server.address().port}/` };
}

const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

export async function makeDownloads(folder) {
  const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url));
  const { UserError } = await dist('base/errors.js');
  const { cachedFiles } = await dist('data/known/fashion-mnist.js');
  const { cachedBatches } = await dist('data/known/cifar10.js');
  const { create } = await import('tar');
  const { writeFileSync } = await import('node:fs');
  const random = generator('files');
  const [one, two] = [random.bytes(SIZE), random.bytes(SIZE)];
  mkdirSync(path.join(folder, 'made', 'batches'), { recursive: true });
  const batches = { 'data_batch_1.bin': one, 'test_batch.bin': two };
  for (const [name, bytes] of Object.entries(batches)) writeFileSync(path.join(folder, 'made', 'batches', name), bytes);
  const archive = path.join(folder, 'archive.tar.gz');
  await create({ gzip: true, file: archive, cwd: path.join(folder, 'made') }, ['batches']);
  const files = { one, two, 'archive.tar.gz': readFileSync(archive) };
  const { state, url } = await serve(files);
  const cache = path.join(folder, 'downloaded');
  process.env.VAE_DATA_DIR = cache;
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'VAE_MIRROR']) delete process.env[name];
  const silent = { note() {}, progress() {} };
  const common = { url, megabytes: 1, classes: [] };
  const whole = files['archive.tar.gz'];
  const cards = {
    files: () =>
      cachedFiles({ ...common, md5: { one: md5(one), two: md5(two) }, bytes: { one: SIZE, two: SIZE } }, silent),
    archive: () => {
      const about = { archive: 'archive.tar.gz', md5: md5(whole), bytes: whole.length };
      return cachedBatches({ ...common, ...about, folder: 'batches' }, silent);
    },
  };

  /** Undefined where it succeeds; the error where it fails as it may. */
  async function attempt(get, what) {
    Object.assign(state, { asked: 0, sent: 0 });
    const outcome = await get().then(
      () => undefined,
      (error) => error,
    );
    if (outcome !== undefined && !(outcome instanceof UserError))
      throw new Error(`${what}: ${outcome?.name}: ${outcome?.message}`);
    if (/\n/.test(outcome?.message ?? '')) throw new Error(`${what}: more than one line: ${outcome.message}`);
    if (state.asked > 2 * MOST_REQUESTS) throw new Error(`${what}: ${state.asked} requests in one attempt`);
    const kept = sizesOf(cache).filter((bytes) => bytes > MOST_KEPT);
    if (kept.length > 0) throw new Error(`${what}: ${kept[0]} bytes are kept of a file of ${SIZE}`);
    if (state.sent > ENDLESS) throw new Error(`${what}: an endless body is read without end`);
    return outcome;
  }

  return {
    async attempt(random) {
      rmSync(cache, { recursive: true, force: true });
      const kind = random.pick(Object.keys(cards));
      state.random = random;
      const series = Array.from({ length: 1 + random.below(4) }, () => random.pick(Object.keys(HOSTILE)));
      let arrived = false;
      for (const name of series) {
        state.behaviour = HOSTILE[name];
        arrived ||= (await attempt(cards[kind], `${kind}, ${name}`)) === undefined;
      }
      state.behaviour = good;
      const error = await attempt(cards[kind], `${kind}, a good server`);
      if (error !== undefined) throw new Error(`${kind}: a good server is of no use: ${error.message}`);
      checkArrived(kind, cache, kind === 'files' ? { one, two } : batches, series);
      return arrived ? 'arrived in spite of it' : 'arrived from a good server';
    },
  };
}

const sizesOf = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true }).map((name) => statSync(path.join(folder, name)).size)
    : [];

/** Beside an archive's files, the record that they are checked by. */
const RECORD = 'checksums.json';

function checkArrived(kind, cache, expected, series) {
  const place = path.join(cache, ...(kind === 'files' ? ['fashion-mnist'] : ['cifar10', 'batches']));
  const found = readdirSync(place).filter((name) => name !== RECORD);
  const wrong = found.filter((name) => !expected[name] || !readFileSync(path.join(place, name)).equals(expected[name]));
  const beside = kind === 'files' ? [] : readdirSync(path.join(cache, 'cifar10')).filter((name) => name !== 'batches');
  if (wrong.length > 0 || beside.length > 0 || found.length !== Object.keys(expected).length) {
    const all = [...found, ...beside].join(', ');
    throw new Error(`${kind}: after ${series.join(', ')} there is ${all}; wrong: ${[...wrong, ...beside].join(', ')}`);
  }
}
