import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './bundle.ts';

/** Returns the files that the program reads, as paths from the checkout. */
export function programFiles(): readonly string[] {
  const inFolder = (folder: string, pattern: RegExp) =>
    readdirSync(join(checkout, folder))
      .filter((name) => pattern.test(name))
      .map((name) => `${folder}/${name}`);
  return [
    'package.json',
    ...['sqlite', 'postgres'].flatMap((dialect) => inFolder(`storage/metadata/migrations/${dialect}`, /\.sql$/)),
    ...inFolder('src/http/ui/shell', /\.(?:css|svg)$/),
    ...inFolder('src/ui', /(?<!\.d)\.ts$/),
  ].sort();
}

/** Returns the flags that every start of berth gives Node.js. */
export function nodeFlags(): readonly string[] {
  return readFileSync(join(checkout, 'bin/node-flags'), 'utf8').trim().split(' ');
}
