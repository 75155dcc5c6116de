import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { residentImages } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/index.ts';
import { type CifarCard, cachedBatches } from '../../src/data/known/cifar10.ts';
import { download, downloadUrl } from '../../src/data/known/download.ts';
import { type FashionCard, fashionMnist, readCached } from '../../src/data/known/fashion-mnist.ts';
import { randomBits } from '../../src/random/random.ts';
import { cifarBatch } from './batches.ts';
import { encodeIdx } from './digits.ts';
import { listener, silent } from './report.ts';
import { type Behaviour, type FileServer, serveFiles } from './server.ts';
import { tarArchive } from './tar.ts';

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const content = Buffer.from(randomBits({ seed: 1, stream: 'file', step: 0 }, 500_000).buffer);

const flip = (file: string, at: number) => {
  const bytes = readFileSync(file);
  bytes[at] ^= 1;
  writeFileSync(file, bytes);
};

let server: FileServer;
let folder: string;
beforeAll(async () => {
  server = await serveFiles();
});
afterAll(() => server.close());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vae-download-'));
  server.behaviour = {};
  server.asked.length = 0;
  server.files['/file.bin'] = content;
  vi.stubEnv('VAE_DATA_DIR', folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

describe('a file from the web', () => {
  const task = (name = '/file.bin') => ({
    url: server.url + name,
    file: path.join(folder, 'file.bin'),
    md5: md5(content),
    bytes: content.length,
  });
  const part = () => path.join(folder, 'file.bin.part');
  const arrived = () => {
    expect(readFileSync(path.join(folder, 'file.bin')).equals(content)).toBe(true);
    expect(readdirSync(folder)).toEqual(['file.bin']);
  };

  it('comes whole, and tells how far it is', async () => {
    const { steps, ...report } = listener();
    await download(task(), report);
    arrived();
    expect(steps.at(-1)).toEqual(['downloading file.bin', 2, 2, 'MB']);
  });

  it('is got once', async () => {
    await download(task(), silent);
    await download(task(), silent);
    expect(server.asked).toEqual(['/file.bin']);
  });

  it('is followed where it has moved', async () => {
    await download(task('/moved/file.bin'), silent);
    arrived();
  });

  it('is continued where the connection was cut', async () => {
    server.behaviour = { cutAfter: 1_200_000 };
    await expect(download(task(), silent)).rejects.toThrow(
      /failed \(the connection was cut\) after 1 MB; run the same command again to continue, .* or put the file into/,
    );
    const have = readFileSync(part()).length;
    expect(have).toBeGreaterThan(0);
    expect(existsSync(task().file)).toBe(false);
    server.behaviour = {};
    await download(task(), silent);
    arrived();
    expect(server.asked.at(-1)).toBe(`/file.bin bytes=${have}-`);
  });

  it('is begun anew by a server that knows no ranges', async () => {
    writeFileSync(part(), content.subarray(0, 1000));
    server.behaviour = { ignoresRanges: true };
    await download(task(), silent);
    arrived();
  });

  it('that only lacked its name is not got again', async () => {
    writeFileSync(part(), content);
    await download(task(), silent);
    arrived();
    expect(server.asked).toHaveLength(1);
  });

  for (const [name, size] of [
    ['of another version', 1000],
    ['that is too long', content.length + 5],
  ] as const) {
    it(`with a part ${name} is got anew`, async () => {
      writeFileSync(part(), Buffer.alloc(size));
      const { notes, ...report } = listener();
      await download(task(), report);
      arrived();
      expect(notes).toEqual(['the two parts of file.bin do not fit together; downloading it again']);
    });
  }

  it('with another checksum is refused, and not kept', async () => {
    server.files['/file.bin'] = content.subarray(1);
    await expect(download(task(), silent)).rejects.toThrow(/is not the file it was: its MD5 is \w+, expected \w+; try/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that was put there by hand is checked', async () => {
    writeFileSync(task().file, 'something else');
    await expect(download(task(), silent)).rejects.toThrow('remove it');
    expect(server.asked).toEqual([]);
  });

  it('that was cut without a word is refused', async () => {
    server.behaviour = { cutAfter: 1000, hidesLength: true };
    await expect(download(task(), silent)).rejects.toThrow(InputError);
    expect(existsSync(task().file)).toBe(false);
  });

  it('that is not there, or from a server that is not, says so', async () => {
    await expect(download(task('/none'), silent)).rejects.toThrow('failed (the server answered 404); try again');
    server.behaviour = { status: 503 };
    await expect(download(task(), silent)).rejects.toThrow('failed (the server answered 503)');
    const nobody = { ...task(), url: 'http://127.0.0.1:9/file.bin' };
    await expect(download(nobody, silent)).rejects.toThrow('failed (the server refuses the connection)');
    expect(readdirSync(folder)).toEqual([]);
  });

  const hostile: Record<string, readonly [NonNullable<Behaviour['instead']>, RegExp, number]> = {
    'answers 416 to everything': [(response) => response.writeHead(416).end(), /the server answered 416/, 1],
    'sends another range than was asked for': [
      (response) => response.writeHead(206, { 'content-range': 'bytes 7-8/9' }).end('xx'),
      /the server answered 206/,
      1,
    ],
    'sends without an end': [
      (response) => {
        response.writeHead(200);
        const more = () => response.writable && response.write(Buffer.alloc(500_000), () => setImmediate(more));
        more();
      },
      /the server sends more than its 2000000 bytes; try again later/,
      1,
    ],
    'announces more than the file': [
      (response) => response.writeHead(200, { 'content-length': 5e9 }).flushHeaders(),
      /the server sends more than its 2000000 bytes/,
      1,
    ],
    'says a wrong length': [
      (response) => response.writeHead(200, { 'content-length': 100 }).end('too short'),
      /is not the file it was|failed \(/,
      1,
    ],
    'sends in circles': [
      (response) => response.writeHead(302, { location: '/file.bin' }).end(),
      /the server answered 302/,
      6,
    ],
    'sends to nowhere': [
      (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      /failed \(/,
      1,
    ],
  };
  for (const [name, [instead, message, asked]] of Object.entries(hostile)) {
    it(`from a server that ${name} ends soon, in one line`, async () => {
      server.behaviour = { instead };
      const error = await download(task(), silent).catch((reason) => reason);
      expect(error).toBeInstanceOf(InputError);
      expect(error.message).toMatch(message);
      expect(server.asked.length).toBeLessThanOrEqual(asked);
      expect(existsSync(task().file)).toBe(false);
    });
  }

  it('from a server whose parts never fit is given up', async () => {
    // Asked for the rest it sends something; asked for the whole it breaks off.
    server.behaviour = {
      instead: (response, range) => {
        if (range === undefined) response.writeHead(200, { 'content-length': content.length }).write('x'.repeat(1000));
        else response.writeHead(206, { 'content-range': range.replace('=', ' ') }).end('y');
        setTimeout(() => response.destroy(), 20);
      },
    };
    for (let i = 0; i < 3; i++) await expect(download(task(), silent)).rejects.toThrow(InputError);
    expect(server.asked.length).toBeLessThanOrEqual(6);
  });

  it('does not go where a folder has its name', async () => {
    for (const name of [part(), task().file]) {
      mkdirSync(name);
      await expect(download(task(), silent)).rejects.toThrow(`${name} is a folder; remove it to download the file`);
      rmSync(name, { recursive: true });
    }
  });

  it('whose host has no address says so', async () => {
    const unknown = { ...task(), url: 'http://no-such-host.invalid/file.bin' };
    await expect(download(unknown, silent)).rejects.toThrow('failed (could not resolve the host');
  });

  it('that cannot be written says so', async () => {
    const file = path.join(folder, 'x'.repeat(252));
    await expect(download({ ...task(), file }, silent)).rejects.toThrow(
      `cannot write ${file}.part: the name is too long`,
    );
  });

  it('comes through the proxy that the environment names, unless its host is exempt', async () => {
    const passed: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      passed.push(request.url!);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    await expect(download(task(), silent)).rejects.toThrow(InputError);
    expect(passed).toEqual([server.url.slice('http://'.length)]);
    vi.stubEnv('NO_PROXY', 'example.org, 127.0.0.1');
    await download(task(), silent);
    arrived();
    proxy.close();
  });
});

describe('the place of a download', () => {
  it('is the official one, or that of VAE_MIRROR', () => {
    expect(downloadUrl('cifar10', 'https://x.org/~k/', 'a.gz')).toBe('https://x.org/~k/a.gz');
    vi.stubEnv('VAE_MIRROR', 'http://mirror.org/vae/');
    expect(downloadUrl('cifar10', 'https://x.org/~k/', 'a.gz')).toBe('http://mirror.org/vae/cifar10/a.gz');
    vi.stubEnv('VAE_MIRROR', 'mirror');
    expect(() => downloadUrl('cifar10', 'https://x.org/', 'a')).toThrow('VAE_MIRROR mirror: expected a URL such as');
  });
});

describe('CIFAR-10 from the web', () => {
  const archive = tarArchive([
    { name: 'cifar-10-batches-bin/', type: '5' },
    { name: 'cifar-10-batches-bin/data_batch_1.bin', content: cifarBatch([1, 2, 3]) },
    { name: 'cifar-10-batches-bin/test_batch.bin', content: cifarBatch([4]) },
  ]);
  const card = (file: Buffer): CifarCard => ({
    url: `${server.url}/`,
    archive: 'cifar.tar.gz',
    md5: md5(file),
    megabytes: 1,
    bytes: file.length,
    folder: 'cifar-10-batches-bin',
    classes: [],
  });
  beforeEach(() => {
    server.files['/cifar.tar.gz'] = archive;
  });

  it('is unpacked in the cache, once, and the archive is not kept', async () => {
    const { notes, ...report } = listener();
    const batches = await cachedBatches(card(archive), report);
    expect(readdirSync(path.join(folder, 'cifar10'))).toEqual(['cifar-10-batches-bin']);
    expect(await cachedBatches(card(archive), report)).toBe(batches);
    expect(server.asked).toHaveLength(1);
    expect(notes).toEqual([expect.stringContaining(`into ${folder}/cifar10 (VAE_DATA_DIR names another folder)`)]);
    const options = { dataset: 'cifar10', binarise: 'none', validation: 0, seed: 1 } as const;
    const { train, test } = await loadDataset(options, silent);
    expect([train.count, test.count]).toEqual([3, 1]);
  });

  it('is compared with what was unpacked before it is trained on', async () => {
    const batches = await cachedBatches(card(archive), silent);
    const options = { dataset: 'cifar10', binarise: 'none', validation: 0, seed: 1 } as const;
    const batch = path.join(batches, 'data_batch_1.bin');
    flip(batch, 500);
    await expect(loadDataset(options, silent)).rejects.toThrow(
      `${batch}: it has changed since it was unpacked; remove ${batches}, and it will be downloaded again`,
    );
    flip(batch, 500);
    expect((await loadDataset(options, silent)).train.count).toBe(3);
    // A cache of an earlier version has no record: it is made.
    rmSync(path.join(batches, 'checksums.json'));
    expect((await loadDataset(options, silent)).train.count).toBe(3);
    rmSync(batch);
    await expect(loadDataset(options, silent)).rejects.toThrow('has no data_batch_1.bin');
    writeFileSync(path.join(batches, 'checksums.json'), 'null');
    writeFileSync(batch, cifarBatch([1]));
    await expect(loadDataset(options, silent)).rejects.toThrow('it has changed since it was unpacked');
  });

  it('is not got by two processes at once', async () => {
    const first = cachedBatches(card(archive), silent);
    await expect(cachedBatches(card(archive), silent)).rejects.toThrow(`process ${process.pid} is preparing`);
    await first;
    expect(readdirSync(path.join(folder, 'cifar10'))).toEqual(['cifar-10-batches-bin']);
  });

  it('that is no archive leaves nothing unpacked', async () => {
    server.files['/cifar.tar.gz'] = content;
    await expect(cachedBatches(card(content), silent)).rejects.toThrow('cannot unpack');
    expect(readdirSync(path.join(folder, 'cifar10'))).toEqual(['cifar.tar.gz']);
  });
});

describe('Fashion-MNIST from the web', () => {
  const sets = { train: 6, t10k: 3 };
  const files = Object.fromEntries(
    Object.entries(sets).flatMap(([part, count]) => [
      [`${part}-images-idx3-ubyte.gz`, gzipSync(encodeIdx([count, 2, 2], new Uint8Array(4 * count).fill(7)))],
      [`${part}-labels-idx1-ubyte.gz`, gzipSync(encodeIdx([count], new Uint8Array(count)))],
    ]),
  );

  it('is four files that are read as those of MNIST', async () => {
    for (const [name, file] of Object.entries(files)) server.files[`/fashion-mnist/${name}`] = file;
    vi.stubEnv('VAE_MIRROR', server.url);
    const sums = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, md5(file)]));
    const bytes = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, file.length]));
    const card: FashionCard = { url: 'http://nowhere/', megabytes: 1, classes: [], md5: sums, bytes };
    const { train, test } = await readCached(card, silent);
    expect([train.count, test.count]).toEqual([6, 3]);
    expect(new Set(residentImages(train))).toEqual(new Set([7]));
    expect(server.asked).toHaveLength(4);
    // Every load compares them with what was published.
    const images = path.join(folder, 'fashion-mnist', 'train-images-idx3-ubyte.gz');
    flip(images, readFileSync(images).length - 3);
    await expect(readCached(card, silent)).rejects.toThrow(
      `${images} is not the official file: its MD5 differs; remove it, and it will be downloaded again`,
    );
    rmSync(images);
    expect((await readCached(card, silent)).train.count).toBe(6);
    await expect(fashionMnist.load(undefined, silent)).rejects.toThrow('is not the official file');
  });
});
