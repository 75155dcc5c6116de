/** A process that answers each line on its stdin with a line of JSON on its stdout. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Worker {
  constructor(command, args) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.errors = '';
    this.child.stderr.on('data', (chunk) => {
      this.errors += chunk;
    });
  }

  async ask(line) {
    this.child.stdin.write(`${line}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.child.spawnargs.join(' ')} ended: ${this.errors.trim().split('\n').at(-1)}`);
    return JSON.parse(value);
  }

  end() {
    this.child.stdin.end();
  }
}
