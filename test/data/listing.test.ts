/** What is taken for an image of a folder, and what never is. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readFile } from '../../src/base/files.ts';
import { printable } from '../../src/base/words.ts';
import { nameOf, pathOf } from '../../src/data/folders/file-names.ts';
import { listImages } from '../../src/data/folders/listing.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-listing-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
});

const put = (name: string, content = 'x') => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
};
const names = () => listImages(folder).images.map(({ name }) => name);

describe('the images of a folder', () => {
  it('are not those of the runs in it', () => {
    put('a.png');
    put('mine/config.json');
    put('mine/b.png');
    put('runs/x-1/config.json', '{}');
    put('runs/x-1/samples/epoch-0001.png');
    mkdirSync(path.join(folder, 'runs/x-1/checkpoints'));
    expect(names()).toEqual(['a.png', 'mine/b.png']);
    expect(listImages(folder).runs).toEqual(['runs/x-1']);
    // Who names a run's own folder means it.
    expect(listImages(path.join(folder, 'runs/x-1')).images).toHaveLength(1);
  });

  it.runIf(process.platform !== 'win32')('are those of a folder, not of a link to it', () => {
    put('z/a.png');
    symlinkSync('z', path.join(folder, 'b'));
    symlinkSync(folder, path.join(folder, 'self'));
    const outside = mkdtempSync(path.join(tmpdir(), 'vae-outside-'));
    writeFileSync(path.join(outside, 'c.png'), 'x');
    for (const name of ['one', 'two']) symlinkSync(outside, path.join(folder, name));
    const { images, links, problems } = listImages(folder);
    expect(images.map(({ name }) => name)).toEqual(['one/c.png', 'z/a.png']);
    expect([links, problems]).toEqual([['b', 'self', 'two'], []]);
    rmSync(outside, { recursive: true });
  });

  it('are not what an archive leaves beside them', () => {
    for (const name of ['a.png', '__MACOSX/a.png', '@eaDir/a.png', '._a.png']) put(name);
    expect(names()).toEqual(['a.png']);
  });

  it.runIf(process.platform === 'linux')('are not pipes or what the system answers', () => {
    put('a.png');
    execFileSync('mkfifo', [path.join(folder, 'b.png')]);
    expect([names(), listImages(folder).others]).toEqual([['a.png'], 1]);
    for (const system of ['/', '/proc', '/sys', '/dev', '/proc/self']) {
      expect(() => listImages(system)).toThrow(`cannot read ${system}: it is a folder of the system, not of images`);
    }
  });
});

describe.runIf(process.platform === 'linux')('names that are not UTF-8', () => {
  it('are read as well', () => {
    put('a.png', 'first');
    const odd = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9), Buffer.from('.png')]);
    writeFileSync(odd, 'second');
    const inside = Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xe9), Buffer.from('t'), Buffer.of(0xe9)]);
    mkdirSync(inside);
    writeFileSync(Buffer.concat([inside, Buffer.from('/x.png')]), 'third');
    const found = listImages(folder);
    expect([found.problems, found.images.map(({ name }) => printable(name))]).toEqual([
      [],
      ['a.png', 'caf\ufffd.png', '\ufffdt\ufffd/x.png'],
    ]);
    const contents = found.images.map(({ name }) => readFile(pathOf(folder, name)).toString());
    expect(contents).toEqual(['first', 'second', 'third']);
  });

  it('may be that of a run', () => {
    const run = Buffer.concat([Buffer.from(`${folder}/r`), Buffer.of(0xe9)]);
    for (const name of ['/checkpoints', '/config.json', '/samples'])
      mkdirSync(Buffer.concat([run, Buffer.from(name)]), { recursive: true });
    writeFileSync(Buffer.concat([run, Buffer.from('/samples/a.png')]), 'x');
    expect([listImages(folder).images, listImages(folder).runs.map(printable)]).toEqual([[], ['r\ufffd']]);
  });

  it('come back byte for byte, as a path and through JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 1, minLength: 1, maxLength: 20 }), (array) => {
        const bytes = Buffer.from(array.filter((byte) => byte !== 0x2f && byte !== 0x2e));
        fc.pre(bytes.length > 0);
        const name: string = JSON.parse(JSON.stringify(nameOf(bytes)));
        expect(Buffer.from(pathOf('/x', name)).equals(Buffer.concat([Buffer.from('/x/'), bytes]))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
