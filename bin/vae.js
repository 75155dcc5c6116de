#!/usr/bin/env node
// Written so that every Node since 4 can read it, because it says which Node is needed: see package.json beside it.
'use strict';

// biome-ignore lint/style/useNodejsImportProtocol: old Nodes do not know it
var fs = require('fs');
// biome-ignore lint/style/useNodejsImportProtocol: old Nodes do not know it
var path = require('path');

var needed = /\d+\.\d+/.exec(require('../package.json').engines.node)[0];

/** Whether a version is at least another; both begin with two numbers. */
function isAtLeast(version, least) {
  var a = version.split('.').map(Number);
  var b = least.split('.').map(Number);
  return a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]);
}

function fail(message) {
  process.stderr.write('vae: ' + message + '\n');
  process.exitCode = 1;
}

if (!isAtLeast(process.versions.node, needed)) {
  fail('needs Node.js ' + needed + ' or newer, and this is ' + process.versions.node + '; nodejs.org has newer ones');
} else if (!fs.existsSync(path.join(__dirname, '../dist/cli/main.js'))) {
  fail('not built yet; run npm run build first');
} else {
  require('./start.js')(process.argv.slice(2));
}
