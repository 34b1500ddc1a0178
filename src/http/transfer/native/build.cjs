'use strict';
/**
 * Builds the sendfile addon with the machine's C compiler and the headers that came with the Node.js that runs this.
 * Optional: without them it says so in one line, and the server sends through buffers. Never fails.
 */
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const source = path.join(__dirname, 'sendfile.c');
const target = path.join(__dirname, 'sendfile.node');
const stamp = path.join(__dirname, 'sendfile.node.built');

/** Headers next to the binary (the Node distribution's own), or where distributions put them. */
function headers() {
  const beside = path.resolve(fs.realpathSync(process.execPath), '../../include/node');
  return [beside, '/usr/include/node', '/usr/local/include/node'].find((folder) =>
    fs.existsSync(path.join(folder, 'node_api.h')),
  );
}

function readOr(file, fallback) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

function build(include) {
  const scratch = `${target}.${process.pid}`;
  const args = ['-O2', '-Wall', '-shared', '-fPIC', `-I${include}`, '-o', scratch, source];
  const { status, error } = spawnSync(process.env.CC ?? 'cc', args, { stdio: 'ignore' });
  if (error || status !== 0) return error?.code === 'ENOENT' ? 'there is no C compiler' : 'the C compiler failed';
  fs.renameSync(scratch, target);
  return undefined;
}

/** Also of a failure: it is tried again only when something has changed. */
const wanted = `${createHash('sha256').update(fs.readFileSync(source)).digest('hex')} ${process.versions.modules} ${process.arch}`;
const [built, outcome] = readOr(stamp, '\n').split('\n');
if (process.platform === 'linux' && (built !== wanted || (outcome === 'built' && !fs.existsSync(target)))) {
  const include = headers();
  const reason = include ? build(include) : 'the headers of Node.js are not there';
  if (reason) {
    fs.rmSync(target, { force: true });
    process.stderr.write(`berth: sendfile is not used: ${reason}; blobs go through buffers\n`);
  }
  try {
    fs.writeFileSync(stamp, `${wanted}\n${reason ?? 'built'}`);
  } catch {
    // A read-only installation: the next start tries again.
  }
}
