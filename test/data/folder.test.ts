import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closeDataset, type ImageSet, residentImages } from '../../src/data/dataset.ts';
import { type FolderOptions, loadFolder } from '../../src/data/folders/folder.ts';
import { fitOf, loadDataset, resolveDataset } from '../../src/data/index.ts';
import { encodePng } from '../../src/data/pictures/png.ts';
import { pngChunk } from './png.ts';
import { listener, silent } from './report.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
const cache = path.join(root, 'cache');
const packs = () => readdirSync(path.join(cache, 'folders'));
beforeEach(() => {
  folder = path.join(root, 'my images');
  mkdirSync(folder);
  vi.stubEnv('VAE_DATA_DIR', cache);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(cache, { recursive: true, force: true });
  vi.unstubAllEnvs();
  vi.doUnmock('sharp');
});

const put = (name: string, content: Uint8Array | string) => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
};
const grey = (value: number, side = 8) => encodePng(side, side, 1, new Uint8Array(side * side).fill(value));
const red = encodePng(
  8,
  8,
  3,
  Uint8Array.from({ length: 192 }, (_, i) => (i % 3 === 0 ? 200 : 10)),
);

async function load(options: Partial<FolderOptions> = {}) {
  const { notes, steps, ...report } = listener();
  const dataset = await loadFolder(folder, { imageSize: 4, seed: 1, ...options }, report);
  return { ...dataset, notes, steps };
}

/** The first pixel of each image. */
const values = ({ count, ...set }: ImageSet) => {
  const pixels = residentImages({ count, ...set });
  return Array.from({ length: count }, (_, i) => pixels[(i * pixels.length) / count]);
};

describe('a folder of images', () => {
  it('becomes squares of one size, a tenth of them for the test by the seed', async () => {
    for (let i = 0; i < 40; i++) put(`${i}.png`, grey(i, 5 + i));
    const { train, test, imageShape, classes, name, fit } = await load();
    expect([train.count, test.count, ...imageShape]).toEqual([36, 4, 1, 4, 4]);
    expect([name, fit, classes]).toEqual(['my images', 'photo', []]);
    expect([...values(train), ...values(test)].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(values((await load()).test)).toEqual(values(test));
    expect(values((await load({ seed: 2 })).test)).not.toEqual(values(test));
  });

  it('is in colour where one image is, unless it is asked for in grey', async () => {
    for (let i = 0; i < 3; i++) put(`${i}.png`, grey(i));
    put('red.png', red);
    expect((await load()).imageShape).toEqual([3, 4, 4]);
    const { train, test, imageShape } = await load({ channels: 1 });
    expect(imageShape).toEqual([1, 4, 4]);
    expect([...values(train), ...values(test)].sort((a, b) => a - b)).toEqual([
      0,
      1,
      2,
      Math.round(0.2126 * 200 + 7.874),
    ]);
  });

  it('is 64 pixels wide where nothing else is said', async () => {
    for (let i = 0; i < 2; i++) put(`${i}.png`, grey(i));
    const { imageShape } = await loadFolder(folder, { seed: 1 }, silent);
    expect(imageShape).toEqual([1, 64, 64]);
  });

  it('has its first subfolders as classes, in their order', async () => {
    put('cats/a.png', grey(1));
    put('cats/deeper/b.png', grey(2));
    put('ants/c.png', grey(3));
    const { classes, train, test } = await load();
    expect(classes).toEqual(['ants', 'cats']);
    const labels = [...values(train), ...values(test)].map((value, i) => [value, [...train.labels, ...test.labels][i]]);
    expect(labels.sort()).toEqual([
      [1, 1],
      [2, 1],
      [3, 0],
    ]);
  });

  it('has no classes where images are beside the subfolders', async () => {
    put('cats/a.png', grey(1));
    put('b.png', grey(2));
    const { classes, notes } = await load();
    expect(classes).toEqual([]);
    expect(notes).toContain(`${folder}: no classes, because some images are beside the subfolders: 1`);
  });

  it('has no classes where there are too many', async () => {
    for (let i = 0; i < 257; i++) put(`${i}/a.png`, grey(i % 256));
    const { classes, notes } = await load();
    expect(classes).toEqual([]);
    expect(notes).toContain(`${folder}: no classes, because 257 subfolders are more than 256`);
  });

  it('that is split already stays so', async () => {
    put('train/cats/a.png', grey(1));
    put('train/dogs/b.png', grey(2));
    put('val/dogs/c.png', grey(3));
    put('other/d.png', grey(4));
    const { classes, train, test, notes } = await load();
    expect([values(train), values(test)]).toEqual([[1, 2], [3]]);
    expect([classes, [...train.labels], [...test.labels]]).toEqual([['cats', 'dogs'], [0, 1], [1]]);
    expect(notes).toContain(`${folder}: left out, because they are beside these folders: 1`);
  });

  it('may have any names, hidden files, and links in a circle', async () => {
    for (const name of ['ä ö.png', 'new\nline.png', "it's.PNG", '日本.png', '-rf.png']) put(name, grey(5));
    put('.hidden.png', 'nothing');
    put('readme.txt', 'text');
    put('sub/x.png', grey(6));
    symlinkSync('..', path.join(folder, 'sub', 'up'));
    symlinkSync(folder, path.join(folder, 'self'));
    symlinkSync('nowhere', path.join(folder, 'broken.png'));
    const { train, test, notes } = await load();
    expect(train.count + test.count).toBe(6);
    expect(notes).toContain(`${folder}: left out, because they are not images: 1`);
    expect(notes).toContain(`${folder}: skipped broken.png: no such file or folder`);
  });

  const animated = (() => {
    const png = grey(1);
    return Buffer.concat([
      png.subarray(0, 33),
      pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])),
      png.subarray(33),
    ]);
  })();
  const enormous = (() => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(60_000, 0);
    header.writeUInt32BE(60_000, 4);
    header.set([8, 0, 0, 0, 0], 8);
    const chunks = [pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(Buffer.alloc(9))), pngChunk('IEND')];
    return Buffer.concat([grey(1).subarray(0, 8), ...chunks]);
  })();
  const bad: Record<string, readonly [Uint8Array | string, string]> = {
    'animated.png': [animated, 'it is animated or has 2 pages; expected a single picture'],
    'cut.png': [
      grey(1).subarray(0, 60),
      'it is a PNG that cannot be read (vipspng: libpng read error); get a new copy, or convert it to PNG',
    ],
    'empty.png': ['', 'the file is empty'],
    'enormous.png': [enormous, '60000 × 60000 pixels are too many (at most 100 million); scale it down first'],
    'text\t.png': ['hello', 'expected a picture, but it is a text file; give a picture instead'],
  };

  it('leaves out what cannot be read, and names it', async () => {
    for (let i = 0; i < 4; i++) put(`${i}.png`, grey(i));
    for (const [name, [content]] of Object.entries(bad)) put(name, content);
    for (let again = 0; again < 2; again++) {
      const { train, test, notes } = await load();
      expect([...values(train), ...values(test)].sort()).toEqual([0, 1, 2, 3]);
      expect(notes.filter((line) => line.includes('skipped'))).toEqual(
        Object.entries(bad).map(([name, [, why]]) => `${folder}: skipped ${name.replace('\t', '\ufffd')}: ${why}`),
      );
    }
  });

  it('says how many lose their ends, and how much of them', async () => {
    for (let i = 0; i < 3; i++) put(`${i}.png`, grey(i));
    put('wide.png', encodePng(16, 8, 1, new Uint8Array(128)));
    expect((await load()).notes).toContain(`${folder}: 1 of 4 images is not square: up to 50 % of each is cut off`);
    put('tall.png', encodePng(8, 32, 1, new Uint8Array(256)));
    for (let again = 0; again < 2; again++) {
      expect((await load()).notes).toContain(`${folder}: 2 of 5 images are not square: up to 75 % of each is cut off`);
    }
  });

  it('says how many are laid on black, so that they are seen', async () => {
    for (let i = 0; i < 3; i++) put(`${i}.png`, grey(i));
    const white = Buffer.from(Array.from({ length: 64 }, (_, i) => [255, 255, 255, i < 32 ? 255 : 0]).flat());
    put(
      'white.png',
      await sharp(white, { raw: { width: 8, height: 8, channels: 4 } })
        .png()
        .toBuffer(),
    );
    const { train, test, notes } = await load();
    expect([...values(train), ...values(test)].sort((a, b) => a - b)).toEqual([0, 1, 2, 255]);
    const pixels = [...residentImages(train), ...residentImages(test)];
    expect(pixels.filter((value) => value === 0).length).toBe(16 + 8);
    expect(notes).toContain(`${folder}: 1 of 4 images is laid on black, because white would hide what is drawn there`);
  });

  it('names the first ten of many, and counts the rest', async () => {
    for (let i = 0; i < 2; i++) put(`${i}.png`, grey(i));
    for (let i = 0; i < 15; i++) put(`empty${i}.png`, '');
    const skipped = (await load()).notes.filter((line) => line.includes('skipped'));
    expect(skipped).toHaveLength(11);
    expect(skipped.at(-1)).toBe(`${folder}: skipped 5 more`);
  });

  it('of which none is an image, or can be read, is refused, and leaves nothing', async () => {
    put('a.txt', 'text');
    await expect(load()).rejects.toThrow('there are no images in it; expected files of PNG, JPEG');
    put('a.png', '');
    await expect(load()).rejects.toThrow('none of the images in it can be read: skipped a.png: the file is empty');
    expect(packs()).toEqual([]);
    put('b.png', grey(1));
    await expect(load()).rejects.toThrow('there is only one image that can be read; expected at least two');
    put('train/a.png', grey(1));
    put('test/a.png', '');
    await expect(load()).rejects.toThrow('none of the images for testing can be read');
  });

  it('is the same when it stays in its file', async () => {
    for (let i = 0; i < 30; i++) put(`${i % 3}/${i}.png`, grey(i));
    const resident = await load();
    const streamed = await load({ residentBytes: 0 });
    expect(resident.train.images).toBeInstanceOf(Uint8Array);
    expect(streamed.train.images).not.toBeInstanceOf(Uint8Array);
    for (const part of ['train', 'test'] as const) {
      expect(residentImages(streamed[part])).toEqual(residentImages(resident[part]));
      expect(streamed[part].labels).toEqual(resident[part].labels);
    }
    closeDataset({ ...streamed, validation: streamed.test });
  });
});

describe('the cache of a folder', () => {
  beforeEach(() => {
    for (let i = 0; i < 5; i++) put(`${i}.png`, grey(i));
  });
  const decodes = async () => (await load()).steps.length > 0;

  it('is used while nothing changes', async () => {
    const { notes, steps } = await load();
    expect(steps).toEqual([1, 2, 3, 4, 5].map((done) => ['decoding', done, 5, 'images']));
    expect(notes.map((line) => line.replace(`${folder}: `, ''))).toEqual([
      'each image is scaled by its shorter side to 4 pixels and cut to its middle, on white where it is transparent',
      expect.stringMatching(/^5 images of 1 × 4 × 4 \(0\.0 MB\), kept in .*my_images-\w{12}\.images$/),
      'for training: 4; for testing, drawn by the seed: 1',
    ]);
    const again = await load();
    expect(again.steps).toEqual([]);
    expect(again.notes[0]).toContain('decoded before, from');
    expect(packs()).toHaveLength(1);
  });

  it('is made anew when a file comes, goes or changes', async () => {
    await load();
    const changes = [
      () => put('new.png', grey(9)),
      () => rmSync(path.join(folder, '0.png')),
      () => utimesSync(path.join(folder, '1.png'), 1, 1),
      () => put('2.png', grey(9, 9)),
      // Of the same length and time.
      () => {
        put('3.png', grey(3));
        utimesSync(path.join(folder, '3.png'), 1, 1);
      },
      () => {
        put('3.png', grey(33));
        utimesSync(path.join(folder, '3.png'), 1, 1);
      },
    ];
    for (const change of changes) {
      change();
      expect([await decodes(), await decodes()]).toEqual([true, false]);
    }
    expect(packs()).toHaveLength(1);
  });

  it('is made anew when it is damaged', async () => {
    await load();
    const file = path.join(cache, 'folders', packs()[0]);
    const flip = (at: number) => {
      const content = readFileSync(file);
      content[at] ^= 1;
      writeFileSync(file, content);
    };
    for (const damage of [() => truncateSync(file, 50), () => flip(20), () => flip(readFileSync(file).length - 40)]) {
      damage();
      expect([await decodes(), await decodes()]).toEqual([true, false]);
    }
  });

  it.skipIf(process.platform === 'win32')('leaves nothing when the disk has no room for it', () => {
    const script = `
      import { loadFolder } from ${JSON.stringify(path.resolve('dist/data/folders/folder.js'))};
      const tell = (error) => console.log(error.name, error.message);
      await loadFolder(${JSON.stringify(folder)}, { seed: 1 }, { note() {}, progress() {} }).catch(tell);`;
    const command = `ulimit -f 10 && exec "$0" --input-type=module -e '${script}'`;
    expect(execFileSync('bash', ['-c', command, process.execPath], { encoding: 'utf8' })).toMatch(
      /^InputError cannot write .*my_images-\w+\.images: larger than a file may be here/,
    );
    expect(packs()).toEqual([]);
  });

  it('is used without loading the package that decodes', async () => {
    await load();
    let loaded = false;
    vi.resetModules();
    vi.doMock('sharp', () => {
      loaded = true;
      throw new Error('not installed');
    });
    const { notes, steps, ...report } = listener();
    await (await import('../../src/data/folders/folder.ts')).loadFolder(folder, { imageSize: 4, seed: 1 }, report);
    expect([loaded, steps]).toEqual([false, []]);
    put('new.png', grey(9));
    await (await import('../../src/data/folders/folder.ts')).loadFolder(folder, { imageSize: 4, seed: 1 }, report);
    expect(loaded).toBe(true);
  });

  it('is another one for another size', async () => {
    await load();
    await load({ imageSize: 5 });
    await load({ channels: 3 });
    expect(packs()).toHaveLength(3);
  });

  it('that cannot be made says how to have another one', async () => {
    vi.stubEnv('VAE_DATA_DIR', path.join(folder, '0.png'));
    await expect(load()).rejects.toThrow(/^cannot create the folder .*; name another one in VAE_DATA_DIR$/);
  });

  it('loses what a process that was killed has left', async () => {
    await load();
    writeFileSync(path.join(cache, 'folders', '.x.images.99999999.tmp'), 'rest');
    await load();
    expect(packs()).toHaveLength(1);
  });
});

describe('files that sharp reads', () => {
  const picture = sharp({ create: { width: 20, height: 10, channels: 3, background: { r: 90, g: 90, b: 90 } } });
  beforeEach(async () => {
    put('a.png', grey(90));
    put('b.jpg', await picture.clone().jpeg().toBuffer());
    put('c.webp', await picture.clone().webp({ lossless: true }).toBuffer());
    // A name does not make a format.
    put('d.png', await picture.clone().jpeg().toBuffer());
  });

  it('are images like others', async () => {
    const { train, test, imageShape } = await load();
    expect(imageShape).toEqual([1, 4, 4]);
    expect([...values(train), ...values(test)]).toEqual([90, 90, 90, 90]);
  });

  it('are turned as their camera was held', async () => {
    const half = await sharp(Buffer.from([...Array(8).fill(0), ...Array(8).fill(255)]), {
      raw: { width: 4, height: 4, channels: 1 },
    })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    rmSync(folder, { recursive: true });
    for (const part of ['train', 'test']) put(`${part}/a.jpg`, half);
    const pixels = residentImages((await load()).train);
    expect([...pixels.subarray(0, 4)].map((value) => value > 127)).toEqual([true, true, false, false]);
  });

  it('are left out where they are damaged or animated', async () => {
    put('b.jpg', readFileSync(path.join(folder, 'b.jpg')).subarray(0, 250));
    const frames = Buffer.from(Array.from({ length: 2 * 4 * 4 * 3 }, (_, i) => i));
    const gif = await sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
      .gif()
      .toBuffer();
    put('e.gif', gif);
    const { train, test, notes } = await load();
    expect(train.count + test.count).toBe(3);
    expect(notes.join('\n')).toMatch(/skipped b\.jpg: it is a JPEG that cannot be read \(/);
    expect(notes.join('\n')).toMatch(/skipped e\.gif: it is animated or has 2 pages; expected a single picture/);
  });

  it('are left out where it is not installed, with the way to get it', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error('not installed');
    });
    put('e.png', grey(80));
    const { loadFolder: loadWithout } = await import('../../src/data/folders/folder.ts');
    const { notes, ...report } = listener();
    const { train, test } = await loadWithout(folder, { imageSize: 4, seed: 1 }, report);
    expect(train.count + test.count).toBe(2);
    expect(notes).toContain(
      `${folder}: skipped 3 that are no PNG (b.jpg, c.webp, d.png): the package sharp cannot be loaded here; ` +
        'convert to PNG, or install vae again with its optional packages',
    );
    // As soon as it can be loaded, they are read.
    vi.doUnmock('sharp');
    vi.resetModules();
    const again = await (await import('../../src/data/folders/folder.ts')).loadFolder(
      folder,
      { imageSize: 4, seed: 1 },
      silent,
    );
    expect(again.train.count + again.test.count).toBe(5);
  });
});

describe('many images', () => {
  /** Loads the folder in a process of the compiled program, which has threads; how many megabytes it grew by. */
  const loadCompiled = (): number => {
    const script = `
      import { loadFolder } from ${JSON.stringify(path.resolve('dist/data/folders/folder.js'))};
      const before = process.resourceUsage().maxRSS;
      await loadFolder(${JSON.stringify(folder)}, { imageSize: 4, seed: 1 }, { note() {}, progress() {} });
      console.log(Math.round((process.resourceUsage().maxRSS - before) / 1024));`;
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }));
  };
  const packed = () => readFileSync(path.join(cache, 'folders', packs()[0]));

  it('are decoded by threads to the same bytes', async () => {
    for (let i = 0; i < 250; i++) put(`${i}.png`, grey(i, 5 + (i % 7)));
    put('30.png', '');
    loadCompiled();
    const threaded = packed();
    rmSync(cache, { recursive: true });
    const { train, test } = await load();
    expect(train.count + test.count).toBe(249);
    expect(packed().equals(threaded)).toBe(true);
  });

  it('are left out where one of them is damaged, whatever is decoded beside it', async () => {
    const noise = Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * i * 31 + 7 * i) % 256));
    const jpeg = await sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
      .jpeg()
      .toBuffer();
    const damaged = Buffer.concat([jpeg.subarray(0, jpeg.length >> 1), jpeg.subarray(jpeg.length - 2)]);
    for (let i = 0; i < 400; i++) put(`${i}.jpg`, i % 2 === 0 ? jpeg : damaged);
    loadCompiled();
    const { notes } = await load();
    expect(notes.join()).toContain('200 images of 3 × 4 × 4');
    expect(notes.join()).toContain('decoded before');
  });

  it('are never all in memory', () => {
    // 500 images of 300 × 300 are 180 MB when they are decoded.
    const variants = Array.from({ length: 20 }, (_, i) => grey(i, 300));
    for (let i = 0; i < 500; i++) put(`${i}.png`, variants[i % 20]);
    expect(loadCompiled()).toBeLessThan(150);
  });
});

describe('the name of a dataset', () => {
  const load = (dataset: string, more = {}) =>
    loadDataset({ dataset, binarise: 'none', validation: 0, seed: 1, ...more }, silent);

  it('is known, or the path of a folder', async () => {
    for (let i = 0; i < 4; i++) put(`${i}.png`, grey(i));
    const { train, validation, test, imageShape } = await load(folder, { imageSize: 4, validation: 1 });
    expect([train.count, validation.count, test.count, ...imageShape]).toEqual([2, 1, 1, 1, 4, 4]);
    expect(resolveDataset('mnist')).toBe('mnist');
    expect(resolveDataset('src')).toBe(path.resolve('src'));
    expect(['mnist', 'fashion-mnist', 'cifar10', './x'].map(fitOf)).toEqual(['digit', 'garment', 'photo', 'photo']);
  });

  it('that is neither gives the names, and the nearest', async () => {
    await expect(load('mnits')).rejects.toThrow(
      'dataset mnits: expected mnist, fashion-mnist, cifar10, or a folder of images written as a path such as ./images; did you mean mnist?',
    );
    await expect(load('./mnits')).rejects.toThrow('dataset ./mnits: no such folder');
    await expect(load('./package.json')).rejects.toThrow('it is a file; expected a folder');
  });

  it('does not go with every option', async () => {
    await expect(load('mnist', { imageSize: 32 })).rejects.toThrow('imageSize 32: works only with a folder of images');
    await expect(load('cifar10', { imageChannels: 1 })).rejects.toThrow(
      'imageChannels 1: works only with a folder of images',
    );
    await expect(load('./src', { dataDir: 'x' })).rejects.toThrow(
      'dataDir x: works only with mnist, fashion-mnist, cifar10',
    );
  });
});
