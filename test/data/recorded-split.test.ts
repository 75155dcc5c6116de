/** A run keeps its own parts of a folder, whatever becomes of the folder. */

import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { closeDataset, type Dataset, fingerprint, type ImageSet } from '../../src/data/dataset.ts';
import { type FolderOptions, loadFolder } from '../../src/data/folders/folder.ts';
import { hasRecorded, parseSplit, recordSplit } from '../../src/data/folders/recorded-split.ts';
import { type DatasetOptions, loadDataset } from '../../src/data/index.ts';
import { encodePng, markAsDrawn } from '../../src/data/pictures/png.ts';
import { listener } from './report.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-recorded-'));
afterAll(() => rmSync(root, { recursive: true }));

const folder = path.join(root, 'images');
const grey = (value: number) => encodePng(4, 4, 1, new Uint8Array(16).fill(value));
const put = (name: string, content: Uint8Array | string) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), content);
};
beforeEach(() => {
  vi.stubEnv('VAE_DATA_DIR', path.join(root, 'cache'));
  for (let i = 0; i < 30; i++) put(`${i < 15 ? 'ants' : 'bees'}/${i}.png`, grey(i));
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const name of ['images', 'cache', 'moved']) rmSync(path.join(root, name), { recursive: true, force: true });
});

const settings = { dataset: folder, imageSize: 4, binarise: 'static', validation: 4, seed: 1 } as const;
async function load(options: Partial<DatasetOptions> = {}) {
  const { notes, ...report } = listener();
  return { dataset: await loadDataset({ ...settings, ...options }, report), notes };
}
const namesOf = ({ files = [] }: ImageSet) => files.map(({ name }) => name);
const partsOf = ({ train, validation, test }: Dataset) => [train, validation, test].map(namesOf);

async function record(options: Partial<DatasetOptions> = {}) {
  const { dataset } = await load(options);
  const recorded = parseSplit(JSON.stringify(recordSplit(dataset)), 'split.json');
  return { before: dataset, print: fingerprint(dataset), recorded };
}

describe('a recorded split', () => {
  it('names the file of every image, by part', async () => {
    const { before, recorded } = await record();
    expect([recorded.train.length, recorded.validation.length, recorded.test.length]).toEqual([23, 4, 3]);
    expect(partsOf(before).flat().sort()).toEqual([...new Set(partsOf(before).flat())].sort());
    expect(recorded.classes).toEqual(['ants', 'bees']);
  });

  it('stays as it was when files come, and says which are left out', async () => {
    const { before, print, recorded } = await record();
    for (let i = 100; i < 150; i++) put(`ants/${i}.png`, grey(i));
    put('cows/1.png', grey(1));
    expect(partsOf((await load()).dataset)).not.toEqual(partsOf(before));
    const { dataset, notes } = await load({ recorded });
    expect(partsOf(dataset)).toEqual(partsOf(before));
    expect([fingerprint(dataset), dataset.classes]).toEqual([print, ['ants', 'bees']]);
    expect(notes.join('\n')).toMatch(
      /left out, because they are not among the images of the run: 51 \(ants\/100\.png, .*, 41 more\)/,
    );
  });

  it('goes with the folder to another place', async () => {
    const { print, recorded } = await record();
    renameSync(folder, path.join(root, 'moved'));
    const { dataset, notes } = await load({ dataset: path.join(root, 'moved'), recorded, mayDiffer: true });
    expect(fingerprint(dataset)).toBe(print);
    expect(notes.join()).not.toContain('other images');
    mkdirSync(folder);
  });

  it('is refused where a file is gone or has changed, with its name', async () => {
    const { recorded } = await record();
    rmSync(path.join(folder, 'ants/3.png'));
    await expect(load({ recorded })).rejects.toThrow(
      `${folder}: its images are not those of the run (gone: ants/3.png); put them back; or use dataDir <folder>`,
    );
    put('ants/3.png', grey(3));
    put('bees/20.png', grey(99));
    put('bees/21.png', 'damaged');
    await expect(load({ recorded })).rejects.toThrow('not those of the run (changed: bees/20.png, bees/21.png)');
  });

  it('keeps what was trained on from the test of other images', async () => {
    const { recorded } = await record();
    rmSync(path.join(folder, 'ants/3.png'));
    const trained = new Set([...recorded.train, ...recorded.validation].map(({ name }) => name));
    for (let seed = 0; seed < 5; seed++) {
      put(`ants/new${seed}.png`, grey(200 + seed));
      // A trained image under another name.
      put('ants/copy.png', grey(Number(path.parse(recorded.train[0].name).name)));
      const { dataset, notes } = await load({ recorded, mayDiffer: true, seed, validation: 0 });
      expect(dataset.test.count).toBeGreaterThan(0);
      expect(namesOf(dataset.test).filter((name) => trained.has(name) || name === 'ants/copy.png')).toEqual([]);
      expect(notes.join('\n')).toContain(
        'these are other images than those that the model was trained on (gone: ants/3.png)',
      );
    }
  });

  it('leaves nothing to test on where all images were trained on', async () => {
    const { recorded } = await record();
    for (const { name } of recorded.test) rmSync(path.join(folder, name));
    await expect(load({ recorded, mayDiffer: true })).rejects.toThrow(
      'the model was trained on all images in it; there is none to test it on',
    );
  });

  it('stays where a file could not be read at first and can be now, in memory and in a file', async () => {
    put('bees/damaged.png', 'nothing yet');
    for (const residentBytes of [0, 2 ** 20]) {
      const loadPart = async (more: Partial<FolderOptions>) => {
        const loaded = await loadFolder(folder, { imageSize: 4, seed: 1, residentBytes, ...more }, listener());
        return { ...loaded, validation: { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) } };
      };
      put('bees/damaged.png', 'nothing yet');
      const before = await loadPart({});
      const recorded = recordSplit(before);
      expect(recorded?.skipped).toEqual(['bees/damaged.png']);
      put('bees/damaged.png', grey(77));
      put('bees/new.png', grey(78));
      const after = await loadPart({ recorded });
      expect([fingerprint(after), partsOf(after)]).toEqual([fingerprint(before), partsOf(before)]);
      for (const dataset of [before, after]) closeDataset(dataset);
      rmSync(path.join(folder, 'bees/new.png'));
    }
  });

  it('does not mind a copy of the folder beside it', async () => {
    const { print, recorded } = await record();
    cpSync(folder, path.join(root, 'moved'), { recursive: true });
    const { dataset } = await load({ dataset: path.join(root, 'moved'), recorded });
    expect(fingerprint(dataset)).toBe(print);
  });

  it('names the one grey image that is coloured now, not all', async () => {
    const { recorded } = await record();
    put(
      'bees/20.png',
      encodePng(
        4,
        4,
        3,
        Uint8Array.from({ length: 48 }, (_, i) => 80 * (i % 3)),
      ),
    );
    await expect(load({ recorded, recordedChannels: 1 })).rejects.toThrow('(changed: bees/20.png)');
  });

  it('has none of the pictures that vae has drawn', async () => {
    put('bees/samples.png', markAsDrawn(grey(5)));
    const { dataset, notes } = await load();
    expect(partsOf(dataset).flat()).not.toContain('bees/samples.png');
    expect(notes).toContain(`${folder}: skipped bees/samples.png: vae has drawn it; it is a result`);
  });

  it('knows its images', async () => {
    const { before, recorded } = await record();
    expect(hasRecorded(before, recorded)).toBe(true);
    put('bees/20.png', grey(99));
    expect(hasRecorded((await load()).dataset, recorded)).toBe(false);
  });

  it('that is damaged is one line', () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{"train":[]}',
      '{"train":[],"validation":[],"test":[],"classes":[],"skipped":[]}',
      '{"train":[1],"validation":[],"test":[],"classes":[],"skipped":[]}',
    ]) {
      expect(() => parseSplit(text, 'run/split.json')).toThrow(InputError);
    }
  });
});
