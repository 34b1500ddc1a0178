'use strict';
/**
 * Makes the checkout ready to run and prints the Node.js to run it with. Plain JavaScript for any Node.js from 18 on:
 * it is what meets the machine as it is. What it does it says on standard error; when all is there it does nothing.
 *
 *   node bin/bootstrap.cjs start   what the server needs
 *   node bin/bootstrap.cjs test    and what tests, lint and bench need
 */
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const home = path.resolve(__dirname, '..');
const leastMajor = 24;
const purpose = process.argv[2] === 'test' ? 'test' : 'start';

function say(line) {
  process.stderr.write(`berth: ${line}\n`);
}

/**
 * `npm install --no-save` keeps to the lock file and leaves it as it is. `npm ci` would be stricter, but refuses a lock
 * file that was written where some other platform's optional packages could not be seen.
 */
function npmInstall(folder, args) {
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...args, ...quiet], { cwd: folder, stdio: ['ignore', 2, 2] });
}

function lockHash(folder) {
  return createHash('sha256')
    .update(fs.readFileSync(path.join(folder, 'package-lock.json')))
    .digest('hex');
}

/** Packages of `folder`, as its lock file says. The stamp says what an earlier run installed; development serves both purposes. */
function ensurePackages(folder, args, kind) {
  const stamp = path.join(folder, 'node_modules', '.berth-installed');
  const wanted = lockHash(folder);
  const installed = readOr(stamp, '').split(' ');
  if (installed[0] === wanted && (installed[1] === kind || installed[1] === 'test')) return;
  say(
    `installing ${folder === home ? 'packages' : `Node.js ${leastMajor} (this machine has ${process.versions.node})`} from npm: once`,
  );
  npmInstall(folder, args);
  // A new file instead of a changed one: copies of the folder by hard links have packages of their own.
  fs.rmSync(stamp, { force: true });
  fs.writeFileSync(stamp, `${wanted} ${kind}`);
}

function readOr(file, fallback) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

/** The machine's own Node.js where it is new enough, else the pinned one, as an npm package in `runtime/`. */
function nodeBinary() {
  if (Number.parseInt(process.versions.node, 10) >= leastMajor) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const runtime = path.join(home, 'runtime');
  const { optionalDependencies } = JSON.parse(fs.readFileSync(path.join(runtime, 'package.json'), 'utf8'));
  if (!(name in optionalDependencies)) {
    throw new Error(
      `there is no Node.js package for ${process.platform} on ${process.arch}: install Node.js ${leastMajor} or newer`,
    );
  }
  ensurePackages(runtime, [], 'start');
  return path.join(runtime, 'node_modules', name, 'bin', 'node');
}

/** Two installations at once in one folder would destroy each other. A lock whose owner is gone is taken over. */
function locked(work) {
  const lock = path.join(home, '.bootstrap.lock');
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      // An installation that this user may not write to, as that of a service: it is complete, or the work says what is missing.
      if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return work();
      if (error.code !== 'EEXIST') throw error;
      if (!isAlive(Number(readOr(lock, '0')))) fs.rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The optional addon: without a compiler the server does without. */
function buildAddon(node) {
  execFileSync(node, [path.join(home, 'src/http/transfer/native/build.cjs')], { stdio: ['ignore', 2, 2] });
}

try {
  const node = locked(() => {
    // What a developer has installed is not taken away again.
    const everything = purpose === 'test' || fs.existsSync(path.join(home, 'node_modules', 'typescript'));
    ensurePackages(home, everything ? [] : ['--omit=dev'], everything ? 'test' : 'start');
    const binary = nodeBinary();
    buildAddon(binary);
    return binary;
  });
  process.stdout.write(`${node}\n`);
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
