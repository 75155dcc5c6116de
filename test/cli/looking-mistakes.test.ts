import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { encodePng } from '../../src/data/pictures/png.ts';
import { makeModels } from './models.ts';
import { expectOneLine } from './one-line.ts';
import { temporaryFolder } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const inFolder = (...parts: string[]): string => path.join(folder, ...parts);

describe('a mistake gets one line, its exit code, and nothing is written', () => {
  beforeAll(async () => {
    await makeModels(folder);
    mkdirSync(inFolder('empty'));
    writeFileSync(inFolder('photo.png'), Buffer.from('ffd8ffe000104a46494600010101', 'hex'));
    writeFileSync(inFolder('notes.txt'), 'no picture');
    mkdirSync(inFolder('odd', 'checkpoints'), { recursive: true });
    mkdirSync(inFolder('odd', 'samples'));
    copyFileSync(inFolder('plane/checkpoints/last.safetensors'), inFolder('odd/checkpoints/last.safetensors'));
    writeFileSync(inFolder('odd/samples/epoch-0001.png'), encodePng(4, 4, 1, new Uint8Array(16)));
    writeFileSync(inFolder('odd/samples/epoch-0002.png'), encodePng(4, 5, 1, new Uint8Array(20)));
    for (const name of ['model.csv', 'model.png']) {
      copyFileSync(inFolder('plane/checkpoints/last.safetensors'), inFolder(name));
    }
    mkdirSync(inFolder('unseen', 'checkpoints'), { recursive: true });
    copyFileSync(inFolder('plane/checkpoints/last.safetensors'), inFolder('unseen/checkpoints/last.safetensors'));
  });

  const MISTAKES: Readonly<Record<string, readonly [args: string, code: 1 | 2, says: string]>> = {
    'one end': ['interpolate --run model --from mine/a.png', 2, '--from and --to need each other'],
    'ends and pairs': ['interpolate --from mine/a.png --to mine/b.png --pairs 3', 2, 'cannot be used with'],
    'one step': ['interpolate --steps 1', 2, 'expected an integer from 2'],
    'no such method': ['interpolate --method sphercial', 2, 'did you mean spherical?'],
    'an end that is no PNG': ['interpolate --run model --from photo.png --to mine/a.png', 1, 'it is a JPEG'],
    'an end that is not there': ['interpolate --run model --from mine/a.png --to x.png', 1, 'cannot read x.png'],
    'a way onto its end': [
      'interpolate --run model --from mine/a.png --to mine/b.png --out mine/b.png',
      1,
      '--out mine/b.png: this would replace mine/b.png',
    ],
    'an animation onto its way': [
      'interpolate --run model --out w.png --animate w.png',
      1,
      '--animate w.png: this would replace w.png',
    ],
    'a latent that is not there': [
      'traverse --run model --latents 1,5',
      2,
      'no latent 5; the model has latents 0 to 4',
    ],
    'latents that are none': ['traverse --latents 1,two', 2, 'expected all, or latents such as 0,3,5'],
    'no range': ['traverse --range 0', 2, 'expected a number above 0 and at most 100'],
    'an input that is no PNG': [
      'traverse --run model --input notes.txt',
      1,
      'expected a picture, but it is a text file',
    ],
    'a traverse without its data': ['traverse --run model --data-dir nowhere', 1, 'nowhere: no such folder'],
    'a latent twice': [
      'traverse --run model --latents 0,0',
      2,
      '--latents 0,0: expected all, or latents such as 0,3,5',
    ],
    'an animation by the name of a film': ['animate --run plane --out a.gif', 2, 'ends in .png or .apng'],
    'a scatter by the name of a JPEG': ['encode --run model --out - --scatter s.jpeg', 2, 'ends in .png'],
    'steps as a JPEG': ['interpolate --run model --animate s.JPG', 2, '--animate s.JPG: expected a path'],
    'a plane of one latent': ['manifold --run line', 2, 'has one latent and no plane; use vae traverse'],
    'a plane of one latent twice': ['manifold --run model --latents 2,2', 2, 'expected two latents such as 0,1'],
    'a plane beyond the latents': [
      'manifold --run plane --latents 0,2',
      2,
      'no latent 2; the model has latents 0 to 1',
    ],
    'a range of quantiles': ['manifold --run plane --quantiles --range 3', 2, 'cannot be used with'],
    'no place for the latents': ['encode --run model', 2, '--out <file> is needed'],
    'a place of no known kind': ['encode --run model --out latents.txt', 2, 'ends in .csv or .npy, or - for stdout'],
    'a split of a user’s pictures': ['encode --out - --input mine --split train', 2, 'cannot be used with'],
    'a folder without pictures': [
      'encode --run model --out - --input empty',
      1,
      'empty: there is no picture in this folder',
    ],
    'a scatter of one latent': ['encode --run line --out - --scatter s.png', 2, 'needs at least two latents'],
    'a scatter onto the model': [
      'encode --checkpoint model.png --out - --scatter model.png',
      1,
      '--scatter model.png: this would replace',
    ],
    'latents onto the model': [
      'encode --checkpoint model.csv --out model.csv',
      1,
      '--out model.csv: this would replace',
    ],
    'frames of different sizes': ['animate --run odd', 1, 'epoch-0002.png: it is 4 × 5, but epoch-0001.png is 4 × 4'],
    'no frames': ['animate --run unseen', 1, 'unseen/samples: there are no pictures of samples'],
    'an animation of no run': ['animate --run nowhere', 1, 'nowhere: no such run'],
    'an animation onto its frame': [
      'animate --run plane --out plane/samples/epoch-0002.png',
      1,
      'would replace plane/samples/epoch-0002.png',
    ],
  };

  for (const [name, [args, code, says]] of Object.entries(MISTAKES)) {
    it(name, () => expectOneLine(folder, args.split(' '), [code, says]));
  }
});
