/** Where the images of a folder belong, by the names of its subfolders. */

import { describe, expect, it } from 'vitest';
import { labelByFolder, layoutOf, splitPositions } from '../../src/data/folders/labels.ts';

/** The names for training and for testing, and the classes. */
function read(names: readonly string[]) {
  const layout = layoutOf([...names].sort());
  const { train, test } = splitPositions(layout, 1, () => false);
  const named = (positions: Int32Array) => Array.from(positions, (i) => layout.places[i].name);
  return {
    train: named(train),
    test: named(test),
    classes: labelByFolder(layout.places).classes,
    notes: layout.notes,
    isSplit: layout.isSplit,
  };
}

const images = (...folders: string[]) => folders.flatMap((folder) => [`${folder}/a.png`, `${folder}/b.png`]);
const classesOf = (train: string, test: string) => [
  ...images(`${train}/ants`, `${train}/bees`),
  ...images(`${test}/ants`, `${test}/bees`),
];

describe('the parts of a folder', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['train', 'test'],
    ['Train', 'Test'],
    ['TRAINING', 'Testing'],
    ['training_set', 'test_set'],
    ['trainset', 'testset'],
    ['seg_train', 'seg_test'],
    ['train_images', 'test images'],
    ['train2017', 'val2017'],
    ['Train', 'Valid'],
    ['train', 'Validation'],
    ['train', 'dev'],
    ['train', 'eval'],
    ['train', 'test1'],
    ['cars_train', 'cars_test'],
    ['trainingSet', 'testSet'],
    ['mnist_train', 'mnist_test'],
    ['trainImages', 'testImages'],
    ['imagesTr', 'imagesTs'],
    ['DIV2K_train_HR', 'DIV2K_valid_HR'],
    ['x_train', 'x_test'],
    ['train.v1', 'test.v1'],
    ['my-training-cars', 'my-EVAL-cars'],
  ];
  for (const [train, test] of pairs) {
    it(`are ${train} and ${test}`, () => {
      const found = read(classesOf(train, test));
      expect(found.train).toEqual(images(`${train}/ants`, `${train}/bees`));
      expect(found.test).toEqual(images(`${test}/ants`, `${test}/bees`));
      expect(found.classes).toEqual(['ants', 'bees']);
      expect(found.notes).toEqual([`split by its folders: ${train}/ for training, ${test}/ for testing`]);
    });
  }

  it('are found below folders that hold everything', () => {
    const found = read(classesOf('data/Images/Train', 'data/Images/Test'));
    expect(found.train).toEqual(images('data/Images/Train/ants', 'data/Images/Train/bees'));
    expect(found.classes).toEqual(['ants', 'bees']);
    expect(found.notes[0]).toBe('everything is in data/Images/, which is looked through');
  });

  it('may be once more in a folder of their own', () => {
    const names = [...classesOf('seg_train/seg_train', 'seg_test/seg_test'), ...images('seg_pred/seg_pred')];
    const found = read(names);
    expect([found.train.length, found.test.length, found.classes]).toEqual([4, 4, ['ants', 'bees']]);
    expect(found.notes).toContain('left out, because they are beside these folders: 2');
    const flat = read([...images('train/images', 'test/images')]);
    expect([flat.train.length, flat.test.length, flat.classes]).toEqual([2, 2, []]);
  });

  it('may be inside every class', () => {
    const found = read(images('ants/train', 'ants/test', 'bees/train', 'bees/test'));
    expect(found.train).toEqual(images('ants/train', 'bees/train'));
    expect(found.test).toEqual(images('ants/test', 'bees/test'));
    expect(found.classes).toEqual(['ants', 'bees']);
  });

  it('leave images for validation out where there are others for testing', () => {
    const found = read([...classesOf('train', 'test'), ...images('Valid/ants')]);
    expect(found.test).toEqual(images('test/ants', 'test/bees'));
    expect(found.train).toEqual(images('train/ants', 'train/bees'));
    expect(found.notes).toContain('left out: Valid/, because there is a test part');
  });

  it('may have classes in their names', () => {
    for (const [train, test] of [
      ['train', 'test'],
      ['Train_', 'test_'],
    ]) {
      const found = read(images(`${train}A`, `${train}B`, `${test}A`, `${test}B`));
      expect(found.train).toEqual(images(`${train}A`, `${train}B`));
      expect([found.test.length, found.classes]).toEqual([4, ['A', 'B']]);
    }
    const masks = read(images('imagesTr', 'labelsTr', 'imagesTs'));
    expect([masks.train, masks.test, masks.classes]).toEqual([images('imagesTr'), images('imagesTs'), []]);
  });

  it('do not mind a few images beside the folder that has them', () => {
    const named = (names: readonly string[]) => read(names);
    for (const stray of ['cover.png', 'docs/cover.png']) {
      for (const inside of ['data', 'data/images']) {
        const { train, test, classes, notes } = named([stray, ...classesOf(`${inside}/train`, `${inside}/test`)]);
        expect([train.length, test.length, classes]).toEqual([4, 4, ['ants', 'bees']]);
        expect(notes.join()).toMatch(/left out, because they are beside (these folders|data\/): 1/);
      }
    }
    const within = read(['cover.png', ...images('ants/train', 'ants/test', 'bees/train', 'bees/test')]);
    expect([within.isSplit, within.test.length, within.classes]).toEqual([true, 4, ['ants', 'bees']]);
  });

  it('may be missing in one class', () => {
    const found = read(images('ants/train', 'ants/test', 'bees/train'));
    expect(found.train).toEqual(images('ants/train', 'bees/train'));
    expect(found.test).toEqual(images('ants/test'));
    expect(found.classes).toEqual(['ants', 'bees']);
    expect(found.notes).toContain('bees/ has no folder for testing');
  });

  it('have the same classes whatever their capital letters', () => {
    const found = read(images('train/Ants', 'train/bees', 'test/ants', 'test/BEES'));
    expect([found.classes, found.train.length, found.test.length]).toEqual([['Ants', 'bees'], 4, 4]);
    expect(read(images('train/Ants', 'train/ants', 'test/ants')).classes).toEqual(['Ants', 'ants']);
    expect(read(images('Ants', 'ants')).classes).toEqual(['Ants', 'ants']);
  });

  it('keep a class that is alone in its part', () => {
    const found = read([...images('train/ants', 'train/bees'), ...images('val/bees/deeper')]);
    expect(found.classes).toEqual(['ants', 'bees']);
  });

  it('are not what happens to have such a name', () => {
    for (const names of [images('train', 'bus'), images('test', 'bus'), images('trainer', 'tester')]) {
      const found = read(names);
      expect([found.isSplit, found.classes.length]).toEqual([false, 2]);
    }
    for (const names of [images('trainer', 'tester'), images('device_a', 'medieval_a'), images('dev', 'a', 'b')]) {
      expect(read(names).isSplit).toBe(false);
    }
    expect(read(images('retrain', 'contest')).notes).toEqual([]);
  });

  it('are said to be classes where one is alone', () => {
    for (const alone of ['train', 'test', 'cars_train']) {
      expect(read(images(alone, 'bus', 'cats')).notes).toEqual([
        `taken for a class, because no other part of the same name is beside it: ${alone}/`,
      ]);
    }
  });
});

describe('a folder that holds everything', () => {
  it('is looked through, and said', () => {
    for (const wrapper of ['train', 'PetImages', 'archive/PetImages']) {
      const found = read(images(`${wrapper}/ants`, `${wrapper}/bees`));
      expect([found.isSplit, found.classes]).toEqual([false, ['ants', 'bees']]);
      expect(found.notes).toEqual([`everything is in ${wrapper}/, which is looked through`]);
    }
  });

  it('is a class where images are beside it', () => {
    const found = read([...images('ants'), 'c.png']);
    expect([found.classes, found.notes]).toEqual([[], []]);
  });
});

describe('a test part that is drawn', () => {
  const layout = layoutOf(Array.from({ length: 50 }, (_, i) => `${String(i).padStart(2, '0')}.png`));

  it('has none of the images that are taken', () => {
    const { train, test } = splitPositions(layout, 1, (name) => name < '45');
    expect([...test]).toEqual([45, 46, 47, 48, 49]);
    expect(train).toHaveLength(45);
    expect(splitPositions(layout, 1, () => true).test).toHaveLength(0);
  });
});
