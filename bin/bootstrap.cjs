'use strict';
/**
 * Prepares the checkout and prints the path of the Node.js to run it with. Plain JavaScript for every Node.js from 18 on,
 * because it runs before anything is installed. Reports its steps on standard error; does nothing if all is installed.
 *
 *   node bin/bootstrap.cjs start     installs the needs of the server
 *   node bin/bootstrap.cjs test      also those of tests, lint and bench
 *   node bin/bootstrap.cjs package   the last step of `npm install berth-VERSION.tgz`; does nothing in a checkout
 */
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const home = path.resolve(__dirname, '..');
const leastMajor = 24;
const purpose = process.argv[2] === 'test' ? 'test' : 'start';
/** npm has installed the packages itself if berth is one: only a checkout has this lock file. */
const isCheckout = fs.existsSync(path.join(home, 'package-lock.json'));
/** The folder of the program: `npm pack` writes JavaScript into a folder of its own. */
const program = isCheckout ? home : path.join(home, 'dist');

function report(line) {
  process.stderr.write(`berth: ${line}\n`);
}

/**
 * Installs the packages of the lock file. `npm install --no-save` does not change that file. `npm ci` would be stricter, but
 * refuses a lock file written on a machine that could not see the optional packages of another platform.
 */
function npmInstall(folder, args) {
  // The installation of a package would pass its own options on: `--global` would install elsewhere.
  // No package needs its scripts; the own one would start this again.
  const quiet = ['--no-global', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...args, ...quiet], { cwd: folder, stdio: ['ignore', 2, 2] });
}

function lockHash(folder) {
  return createHash('sha256')
    .update(fs.readFileSync(path.join(folder, 'package-lock.json')))
    .digest('hex');
}

/** Installs the packages of the folder's lock file. A stamp records earlier installations; one for tests also serves the server. */
function ensurePackages(folder, args, kind) {
  const stamp = path.join(folder, 'node_modules', '.berth-installed');
  const wanted = lockHash(folder);
  const installed = readOr(stamp, '').split(' ');
  if (installed[0] === wanted && (installed[1] === kind || installed[1] === 'test')) return;
  report(
    `installing ${folder === home ? 'packages' : `Node.js ${leastMajor} (this machine has ${process.versions.node})`} from npm`,
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

/** Returns the machine's Node.js if it is new enough, else the pinned one, an npm package in `runtime/`. */
function nodeBinary() {
  if (Number.parseInt(process.versions.node, 10) >= leastMajor) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const runtime = path.join(home, 'runtime');
  const { optionalDependencies } = JSON.parse(fs.readFileSync(path.join(runtime, 'package.json'), 'utf8'));
  if (!(name in optionalDependencies)) {
    throw new Error(
      `there is no Node.js package for ${process.platform} on ${process.arch}: install Node.js ${leastMajor} or newer yourself`,
    );
  }
  ensurePackages(runtime, [], 'start');
  return path.join(runtime, 'node_modules', name, 'bin', 'node');
}

/** Runs `work` under a lock, because concurrent installations in one folder would damage each other. Takes over the lock of a dead process. */
function locked(work) {
  const lock = path.join(home, '.bootstrap.lock');
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      // A read-only installation, such as that of a service: it is complete, or `work` reports what is missing.
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

/** Builds the optional addon. The server works without it. */
function buildAddon(node) {
  execFileSync(node, [path.join(program, 'src/http/transfer/native/build.cjs')], { stdio: ['ignore', 2, 2] });
}

/** What the installation depends on; bin/berth compares these files with the copy of `remember`. */
const inputs = [
  'package-lock.json',
  'runtime/package-lock.json',
  'src/http/transfer/native/sendfile.c',
  'bin/bootstrap.cjs',
].filter((name) => fs.existsSync(path.join(home, name)));

/** Records the Node.js to use and the inputs, so that bin/berth does not have to run this again until an input changes. */
function remember(node) {
  const folder = path.join(home, 'node_modules', '.berth-ready');
  try {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'inputs'), Buffer.concat(inputs.map((name) => fs.readFileSync(path.join(home, name)))));
    fs.writeFileSync(path.join(folder, 'node'), `${node}\n`);
  } catch {
    // A read-only installation, or one without all inputs: every start checks it.
  }
}

function prepare() {
  return locked(() => {
    // A start does not remove the development packages.
    const everything = purpose === 'test' || fs.existsSync(path.join(home, 'node_modules', 'typescript'));
    if (isCheckout) ensurePackages(home, everything ? [] : ['--omit=dev'], everything ? 'test' : 'start');
    const binary = nodeBinary();
    buildAddon(binary);
    remember(binary);
    return binary;
  });
}

try {
  if (process.argv[2] !== 'package') process.stdout.write(`${prepare()}\n`);
  else if (!isCheckout) prepare();
} catch (error) {
  report(error.message);
  process.exitCode = 1;
}
