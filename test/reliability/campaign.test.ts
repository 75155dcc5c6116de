import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../cli/vae.ts';

const node = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  new Promise<{ code: number | null; signal: NodeJS.Signals | null; printed: string }>((resolve) => {
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
    child.on('close', (code, signal) => resolve({ code, signal, printed }));
  });

describe('the short reliability campaign', () => {
  it('finds no loss, no stack, no hang and nothing that is accepted silently', { timeout: 600_000 }, async () => {
    const { code, printed } = await node(['scripts/reliability/campaign.mjs', '--short']);
    expect(code, printed).toBe(0);
  });
});

/** The campaign is only as good as the faults that it puts in. */
describe('a fault put into a process', () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  const file = path.join(folder, 'file');
  const work = `
    import { appendFileSync, closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
    const file = ${JSON.stringify(file)};
    const descriptor = openSync(file + '.new', 'w');
    writeSync(descriptor, Buffer.from('abcdefgh'));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(file + '.new', file);
    appendFileSync(file, '1234');
  `;
  const run = (fault: object) =>
    node(['--import', path.resolve('scripts/reliability/faults.mjs'), '--input-type=module', '-e', work], {
      VAE_FAULT: JSON.stringify({ root: folder, ...fault }),
    });
  const content = (name: string) => readFileSync(name, 'latin1');

  it('kills it before, after and in the middle of the operation named', async () => {
    writeFileSync(file, 'old');
    expect((await run({ at: 2, mode: 'half' })).signal).toBe('SIGKILL');
    expect([content(`${file}.new`), content(file)]).toEqual(['abcd', 'old']);
    expect((await run({ at: 4, mode: 'before' })).signal).toBe('SIGKILL');
    expect([content(`${file}.new`), content(file)]).toEqual(['abcdefgh', 'old']);
    expect((await run({ at: 4, mode: 'after' })).signal).toBe('SIGKILL');
    expect(content(file)).toBe('abcdefgh');
  });

  it('takes what was not flushed, where the power is cut', async () => {
    await run({ at: 2, mode: 'power' });
    expect(content(`${file}.new`)).toBe('');
    await run({ at: 5, mode: 'power' });
    expect(content(file)).toBe('abcdefgh');
  });

  it('fails the operation named, as a full disk does', async () => {
    const { code, printed } = await run({ at: 5, mode: 'ENOSPC' });
    expect([code, content(file)]).toEqual([1, 'abcdefgh']);
    expect(printed).toContain('ENOSPC');
  });

  it('writes a line per operation, and leaves a process alone that reaches no fault', async () => {
    const trace = path.join(folder, 'trace');
    const { code, printed } = await run({ trace });
    expect(code, printed).toBe(0);
    const names = content(trace)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).name);
    expect(names).toEqual(['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'appendFileSync']);
    expect(content(file)).toBe('abcdefgh1234');
  });
});
