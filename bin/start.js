'use strict';

/** Runs a command line. Apart from vae.js, because old Nodes cannot read this `import`. */
module.exports = async (args) => {
  const { run } = await import('../dist/cli/main.js');
  process.exitCode = await run(args);
};
