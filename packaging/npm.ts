/**
 * Prepares `npm pack`, and tidies up after it. The package holds the program as bundles with the packages that berth was tested
 * with, so that it installs these versions, and without a network: Node.js takes no types off below `node_modules`, and npm does
 * not read a lock file in a tarball.
 *
 *   packaging/npm.ts prepare   writes `dist/`, and package.json without dependencies
 *   packaging/npm.ts restore   removes `dist/`, and puts the own package.json back
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bundleName, checkout, writeBundles } from './bundle.ts';
import { licensesOf } from './licenses.ts';
import { programFiles } from './program-files.ts';

const folder = join(checkout, 'dist');
const packageFile = join(checkout, 'package.json');
/** The own package.json during `npm pack`. */
const original = join(checkout, 'build/package.json');
const addon = 'src/http/transfer/native';

/** Returns the URL of a module as an expression of the bundle that begins with `entry`. */
function urlOf(module: string, entry: string): string {
  return `new URL(${JSON.stringify(relative(dirname(entry), module))}, require('node:url').pathToFileURL(__filename))`;
}

async function prepare(): Promise<void> {
  restore();
  const bundles = await writeBundles({
    folder,
    change: (text, module, entry) =>
      text
        .replace(/(new URL\('\.\/[a-z-]+)\.ts'/g, (_, start: string) => bundleName(`${start}.ts`) + "'")
        .replaceAll('import.meta.url', urlOf(module, entry)),
    // The addon is built where the package is installed.
    replaced: [],
  });
  for (const name of [...programFiles(), `${addon}/build.cjs`, `${addon}/sendfile.c`]) {
    cpSync(join(checkout, name), join(folder, name));
  }
  writeFileSync(join(folder, 'LICENSES.txt'), licensesOf(bundles.packages));
  const own = JSON.parse(readFileSync(packageFile, 'utf8')) as Readonly<Record<string, unknown>>;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: own['name'], version: own['version'] })}\n`);
  mkdirSync(dirname(original), { recursive: true });
  renameSync(packageFile, original);
  const packed = { ...own, dependencies: undefined, devDependencies: undefined };
  writeFileSync(packageFile, `${JSON.stringify(packed, null, 2)}\n`);
}

/** Does nothing if nothing is prepared. */
function restore(): void {
  rmSync(folder, { recursive: true, force: true });
  if (existsSync(original)) renameSync(original, packageFile);
}

if (process.argv[2] === 'prepare') await prepare();
else restore();
