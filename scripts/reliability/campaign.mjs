#!/usr/bin/env node
/**
 * Tries to break the program: kills, crash points, failing disks, damaged files, hostile servers, all settings, long
 * runs. Prints a line of figures per part, then every failure with the way to see it again, and exits 1 if there is one.
 * docs/reliability.md says what is promised, and what a long campaign has found.
 *
 *   node scripts/reliability/campaign.mjs --seed 1 --minutes 60
 *   node scripts/reliability/campaign.mjs --short
 *   node scripts/reliability/campaign.mjs --seed 1 --only crashes --case 17
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { damagedFiles, downloads, settings } from './cases.mjs';
import { commands } from './commands.mjs';
import { EXCLUDED } from './compare.mjs';
import { crashes } from './crashes.mjs';
import { disks } from './disks.mjs';
import { endurance } from './endurance.mjs';
import { kills } from './kills.mjs';
import { HOUSE } from './program.mjs';
import { makeSubjects } from './subjects.mjs';
import { describe, Tally } from './tally.mjs';

/** Each part, and its share of the time. */
const PARTS = {
  kills: [kills, 4],
  crashes: [crashes, 4],
  disks: [disks, 3],
  damage: [damagedFiles, 12],
  commands: [commands, 3],
  downloads: [downloads, 2],
  settings: [settings, 4],
  endurance: [endurance, 3],
};

const names = Object.keys(PARTS);
const options = new Command()
  .name('campaign.mjs')
  .option('--seed <n>', 'what is tried, and when, follows from it', Number, 1)
  .option('--minutes <n>', 'about how long it takes', Number, 60)
  .option('--only <parts>', `of ${names.join(', ')}`, (text) => text.split(','), names)
  .option('--case <n>', 'one case of one part, as a failure names it', Number)
  .option('--short', 'the few cases that the tests try', false)
  .parse()
  .opts();

const unknown = options.only.find((name) => !names.includes(name));
if (unknown !== undefined || Number.isNaN(options.minutes) || !existsSync(path.join(HOUSE, 'dist'))) {
  process.stderr.write(
    unknown !== undefined
      ? `campaign: ${unknown} is none of ${names.join(', ')}\n`
      : 'campaign: expected --minutes as a number, and the program built by npm run build\n',
  );
  process.exit(2);
}

const folder = mkdtempSync(path.join(tmpdir(), 'vae-reliability-'));
const clean = () => rmSync(folder, { recursive: true, force: true });
process.on('exit', clean);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
const subjects = makeSubjects(folder);
const tallies = [];
const ends = performance.now() + 60_000 * options.minutes;
process.stdout.write(
  `seed ${options.seed}; ${options.short ? 'short form' : `${options.minutes} minutes`}; ${cpus()[0]?.model.trim()}, ` +
    `${process.version}; equal means byte for byte, except ${EXCLUDED.join(' and ')}\n`,
);
let shares = options.only.reduce((sum, name) => sum + PARTS[name][1], 0);
for (const name of options.only) {
  const [part, share] = PARTS[name];
  const began = performance.now();
  const deadline = began + ((ends - began) * share) / shares;
  shares -= share;
  const tally = new Tally(name);
  tallies.push(tally);
  await part({
    seed: options.seed,
    tally,
    timeIsUp: () => performance.now() > deadline,
    short: options.short,
    folder,
    subjects,
    only: options.case,
  });
  tally.seconds = (performance.now() - began) / 1000;
  process.stderr.write(`${describe([tally])}\n`);
}
process.stdout.write(`${describe(tallies)}\n`);
process.exitCode = tallies.some(({ failures }) => failures.length > 0) ? 1 : 0;
