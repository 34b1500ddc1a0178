/**
 * Builds `build/berth-linux-PROCESSOR`: one file with Node.js, the program, its packages and its files.
 *
 *   npm run build:binary                for this machine's processor
 *   npm run build:binary -- arm64 x64   for these
 *
 * Equal inputs give equal bytes.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildAddon } from './addon.ts';
import { type Bundles, checkout } from '../bundle.ts';
import { licensesOf } from '../licenses.ts';
import { nodeFlags, programFiles } from '../program-files.ts';
import { type Processor, nodePackage, processors } from './node.ts';
import { writeExecutableBundles } from './bundles.ts';

const output = join(checkout, 'build');
/** From the documentation of Node.js: the place in its binary that says whether a program is inside. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

function report(line: string): void {
  process.stderr.write(`build: ${line}\n`);
}

function buildFor(processor: Processor, bundles: Bundles, work: string): void {
  const node = nodePackage(processor);
  const isHost = processor === process.arch;
  const assets = {
    ...Object.fromEntries(programFiles().map((name) => [name, join(checkout, name)])),
    ...bundles.threads,
    ...addonAsset(processor, node, work),
  };
  const blob = join(work, 'program.blob');
  const settings = {
    main: bundles.main,
    output: blob,
    disableExperimentalSEAWarning: true,
    // Compiled code fits only the processor that it was compiled on.
    useCodeCache: isHost,
    execArgv: nodeFlags(),
    assets,
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(settings));
  // V8 accepts compiled code only if its flags are the same, apart from --predictable: with it, two builds compile to the same bytes.
  const prepare = [...nodeFlags(), '--predictable', '--experimental-sea-config', join(work, 'sea.json')];
  execFileSync(join(nodePackage(process.arch as Processor), 'bin/node'), prepare, { stdio: ['ignore', 'ignore', 'pipe'] });
  const target = join(output, `berth-linux-${processor}`);
  rmSync(target, { force: true });
  copyFileSync(join(node, 'bin/node'), target);
  const inject = join(checkout, 'node_modules/postject/dist/cli.js');
  execFileSync(process.execPath, [inject, target, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse], { stdio: 'pipe' });
  writeFileSync(`${target}.licenses.txt`, licensesOf(bundles.packages, node));
  report(`made ${target}`);
}

function addonAsset(processor: Processor, node: string, work: string): Readonly<Record<string, string>> {
  const file = join(work, `sendfile-${processor}.node`);
  const reason = buildAddon(processor, join(node, 'include/node'), file);
  if (reason === undefined) return { 'sendfile.node': file };
  report(`without sendfile for ${processor}: ${reason}; blobs go through buffers`);
  return {};
}

const named = process.argv.slice(2);
const wanted = processors.filter((processor) => (named.length > 0 ? named : [process.arch]).includes(processor));
const unknown = named.filter((name) => !(processors as readonly string[]).includes(name));
if (process.platform !== 'linux' || wanted.length === 0 || unknown.length > 0) {
  report(`there is no Node.js package for linux on ${unknown.join(', ') || process.arch}: name ${processors.join(' or ')}`);
  process.exit(2);
}
mkdirSync(output, { recursive: true });
const work = join(output, 'work');
if (existsSync(work)) rmSync(work, { recursive: true });
mkdirSync(work);
const bundles = await writeExecutableBundles(work);
for (const processor of wanted) buildFor(processor, bundles, work);
rmSync(work, { recursive: true });
