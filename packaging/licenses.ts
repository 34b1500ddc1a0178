/** The licences of what is inside a package of berth. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './bundle.ts';

interface PackageFile {
  readonly version: string;
  readonly license?: string;
}

/** Returns the names, versions and licence texts of the packages, and the licence of Node.js from the folder `node`, if given. */
export function licensesOf(packages: readonly string[], node?: string): string {
  const parts = packages.map((name) => {
    const folder = join(checkout, 'node_modules', name);
    const { version, license = 'see its text' } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageFile;
    return `${name} ${version} (${license})\n\n${licenseText(folder)}`;
  });
  return [...(node === undefined ? [] : [`Node.js\n\n${licenseText(node)}`]), ...parts].join(`\n${'-'.repeat(78)}\n\n`);
}

function licenseText(folder: string): string {
  const file = existsSync(folder) ? readdirSync(folder).find((name) => /^licen[cs]e/i.test(name)) : undefined;
  return file === undefined ? '(The package has no text of its own.)\n' : readFileSync(join(folder, file), 'utf8');
}
