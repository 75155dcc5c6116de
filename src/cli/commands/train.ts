/** vae train: its flags are in `train/options.ts`, what it does in `train/run.ts`. */

import { Option } from 'commander';
import type { CommandDefinition } from '../shared/command.ts';
import { trainOptions } from '../train/options.ts';
import { train } from '../train/run.ts';

export const command: CommandDefinition = {
  define: (command) => {
    for (const option of trainOptions()) command.addOption(option);
    // In a group of its own, so that it comes after the others.
    command.addHelpOption(new Option('-h, --help', 'show this help').helpGroup('Help:')).action(train);
  },
};
