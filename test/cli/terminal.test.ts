/** What people read in a terminal: its width, its words, and nothing that steers it. */

import { EventEmitter } from 'node:events';
import type { WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { layOut, startBar } from '../../src/cli/shared/progress-bar.ts';
import { escapeCommands } from '../../src/cli/shared/terminal.ts';
import { inOurWords } from '../../src/cli/shared/usage.ts';
import { formatProgress, nats, shellQuoted, wrapped } from '../../src/cli/shared/words.ts';
import { EpochTable } from '../../src/cli/train/epoch-table.ts';
import { checkConfig } from '../../src/settings/check.ts';
import { resolveConfig } from '../../src/settings/resolve.ts';
import type { RunConfig } from '../../src/settings/table.ts';
import type { EpochRecord } from '../../src/training/records.ts';

const configOf = (given: Partial<RunConfig> = {}): RunConfig => checkConfig({ threads: 1, ...resolveConfig(given) });

/** A terminal of so many columns, with what has been written to it. */
function fakeTerminal(columns: number) {
  const written: string[] = [];
  const stream = Object.assign(new EventEmitter(), {
    isTTY: true,
    columns,
    write: (text: string) => written.push(text) > 0,
  });
  return { stream: stream as unknown as WriteStream & { columns: number }, written };
}

describe('a number', () => {
  it('has no sign where it rounds to 0', () => {
    expect([-0.001, -0, 0.004, -0.006, -12.345].map(nats)).toEqual(['0.00', '0.00', '0.00', '−0.01', '−12.35']);
  });
});

describe('how far a model is trained', () => {
  it('counts whole epochs, and says so where one is not whole', () => {
    expect(formatProgress({ epoch: 1, batch: 0, step: 1 })).toBe('1 epoch, 1 update');
    expect(formatProgress({ epoch: 0, batch: 7, step: 7 })).toBe('7 updates of the first epoch');
    expect(formatProgress({ epoch: 2, batch: 7, step: 907 })).toBe('2 epochs and part of the next, 907 updates');
  });
});

describe('a path in a command', () => {
  it('is in quotes where a POSIX shell would read it otherwise', () => {
    const quoted = ['runs/mnist-dense-1', 'runs/été', 'my pics', "it's", '$HOME', '~x', 'a;b', '', 'a\\b'].map((path) =>
      shellQuoted(path, 'linux'),
    );
    expect(quoted).toEqual([
      ...['runs/mnist-dense-1', 'runs/été', "'my pics'", "'it'\\''s'"],
      ...["'$HOME'", "'~x'", "'a;b'", "''", "'a\\b'"],
    ]);
  });

  it('is in double quotes on Windows, whose paths have backslashes', () => {
    const quoted = ['runs\\mnist-dense-1', 'C:\\my pics', 'a&b'].map((path) => shellQuoted(path, 'win32'));
    expect(quoted).toEqual(['runs\\mnist-dense-1', '"C:\\my pics"', '"a&b"']);
  });
});

describe('a line', () => {
  it('breaks at word ends, and keeps what is in quotes whole', () => {
    expect(wrapped('one two three four', 9)).toBe('one two\n  three\n  four');
    expect(wrapped("use --resume 'my long run' now", 16)).toBe("use --resume\n  'my long run'\n  now");
    expect(wrapped("the run's own words, the user's too", 16)).toBe("the run's own\n  words, the\n  user's too");
    expect(wrapped('short enough', 12)).toBe('short enough');
    // The columns of a list stand.
    expect(wrapped('name    what it is and does', 16, { indent: ' '.repeat(8) })).toBe(
      'name    what it\n        is and\n        does',
    );
    const command = ' vae sample --run a-long-name';
    expect(wrapped(`next:${command}`, 16, { words: ['next:', command] })).toBe(`next:\n ${command}`);
  });

  it('shows what would steer a terminal, of every kind', () => {
    const text = 'a\u001b[2Jb\u0007\u009b31mc\u202egnp.exe\u2066\u200f\u007f\r\n';
    expect(escapeCommands(text)).toBe(
      'a\\u001b[2Jb\\u0007\\u009b31mc\\u202egnp.exe\\u2066\\u200f\\u007f\\u000d\\u000a',
    );
    expect(escapeCommands('été − β ≈ 日本 🙂')).toBe('été − β ≈ 日本 🙂');
    // JSON escaped once more is still the same value.
    expect(JSON.parse(escapeCommands(JSON.stringify({ text })))).toEqual({ text });
  });
});

describe('a progress bar', () => {
  const look = {
    title: 'epoch 12/100',
    share: 0.455,
    rate: '12000 images/s',
    detail: 'bound −120.31',
    left: '12 min 5 s left',
  };

  for (const columns of [30, 40, 60, 79, 200]) {
    it(`of ${columns} columns fits them, and shows the time left`, () => {
      const line = layOut(look, columns);
      expect(line.length).toBeLessThanOrEqual(columns);
      expect(line).toContain('12 min 5 s left'.slice(0, columns - 19));
      expect(line).toContain('45%');
    });
  }

  it('has everything in a terminal of 80 columns, and a bar', () => {
    const line = layOut(look, 79);
    for (const part of [look.title, look.detail, look.left, '█']) expect(line).toContain(part);
  });

  it('leaves no mode of the terminal changed, whatever ends the process', () => {
    const { stream, written } = fakeTerminal(80);
    const bar = startBar('reading', 10, 0, 'images', stream);
    bar.update(5, {});
    // Neither a hidden cursor nor lines that no longer wrap.
    expect(written.join('')).not.toContain('\u001b[?');
    bar.stop();
    expect(stream.listenerCount('resize')).toBe(0);
  });

  it('is cleared from all rows that it takes in a window that has become narrower', () => {
    const { stream, written } = fakeTerminal(80);
    const bar = startBar('reading a very long name of a file', 10, 0, 'images', stream);
    const line = (): string => written.findLast((text) => text.includes('reading'))!;
    expect(line().length).toBeGreaterThan(60);
    written.length = 0;
    stream.columns = 30;
    stream.emit('resize');
    // Up to the first of its three rows, and everything below goes.
    expect(written.slice(0, 3)).toEqual(['\u001b[2A', '\u001b[1G', '\u001b[0J']);
    expect(line().length).toBeLessThan(30);
    bar.stop();
  });

  it('shows nothing where there is no terminal', () => {
    const { stream, written } = fakeTerminal(80);
    Object.assign(stream, { isTTY: false });
    const bar = startBar('reading', 10, 0, 'images', stream);
    bar.update(10, {});
    bar.stop();
    expect(written).toEqual([]);
  });
});

describe('the table of epochs', () => {
  const bound = (value: number) => ({ bound: value, logLikelihood: value + 20, kl: -0.001 });
  const record = (best: boolean): EpochRecord => ({
    kind: 'epoch',
    epoch: 7,
    step: 70,
    learningRate: 1e-3,
    train: { ...bound(-1106.83), loss: 106.83 },
    validation: bound(-1107.01),
    test: bound(-1105.5),
    best,
  });
  const tableOf = (given: Partial<RunConfig>, room?: number) =>
    new EpochTable({ config: configOf(given), epochs: 10, values: 784 }, room);

  it('has a head once, columns below it, and marks the best epoch so far', () => {
    const table = tableOf({});
    expect(table.caption).toBe(
      'bound, nats per image, higher is better; log p(x|z) and KL of the test images; * the best so far by the test images',
    );
    expect(table.head).toBe('epoch     train      test  log p(x|z)      KL        time');
    expect(table.row(record(true), 71)).toBe(' 7/10  −1106.83  −1105.50    −1085.50    0.00  1 min 11 s *');
    expect(table.row(record(false), 5)).toBe(' 7/10  −1106.83  −1105.50    −1085.50    0.00       5.0 s');
  });

  it('has bits per dimension where the likelihood is of bytes, and validation where there is one', () => {
    const { head } = tableOf({ likelihood: 'discretised-logistic', validation: 100 });
    expect(head.split(/ {2,}/)).toEqual([
      ...['epoch', 'train', 'validation', 'test', 'log p(x|z)', 'KL', 'bits/dim', 'time'],
    ]);
    const row = tableOf({ likelihood: 'discretised-logistic' }).row(record(false), 5);
    expect(row).toContain((1105.5 / 784 / Math.LN2).toFixed(3));
  });

  it('calls the KL of a flow an estimate, and that of a normal not', () => {
    const { head, caption } = tableOf({ posterior: 'planar' });
    expect([head, caption]).toEqual([expect.stringContaining('KL ≈'), expect.stringContaining('≈ is an estimate')]);
    expect(tableOf({}).head).not.toContain('≈');
  });

  it('has no terms of a bound where there is none', () => {
    const { head, caption } = tableOf({ preset: 'seminar-ae' });
    expect(head.split(/ {2,}/)).toEqual(['epoch', 'train', 'test', 'time']);
    expect(caption).toMatch(/^minus squared error, per image, higher/);
  });

  for (const room of [40, 60, 80]) {
    it(`fits ${room} columns, with the number that the run is chosen by`, () => {
      for (const given of [
        {},
        { validation: 100, likelihood: 'discretised-logistic', posterior: 'planar' },
        { objective: 'autoencoder' },
      ] as const) {
        const table = tableOf(given, room);
        const lines = [table.head, table.row(record(true), 71)];
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(room);
        expect(table.head).toContain('test');
        if ('validation' in given) expect(table.head).toContain('validation');
      }
    });
  }
});

describe('a mistake in the words of commander', () => {
  it('gets those of all other messages, on one line', () => {
    const words = [
      "error: option '-n, --count <n>' argument missing\n",
      "error: required option '--input <file>' not specified\n",
      "error: option '--steps <n>' cannot be used with option '--epochs <n>'\n",
      "error: too many arguments for 'sample'. Expected 0 arguments but got 1.\n",
      "error: unknown option '--epoch'\n(Did you mean --epochs?)\n",
    ].map(inOurWords);
    expect(words).toEqual([
      'vae: --count: expected a value after it',
      'vae: --input <file> is needed',
      'vae: --steps cannot be used with --epochs',
      'vae: sample: too many arguments; put quotes around a name with spaces',
      "vae: unknown option '--epoch' (Did you mean --epochs?)",
    ]);
  });
});
