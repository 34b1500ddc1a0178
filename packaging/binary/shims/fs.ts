/** Takes the place of `node:fs` in modules that read files of the program: those are assets of the executable. */
import { type PathOrFileDescriptor, readFileSync as readFile, readdirSync as readFolder } from 'node:fs';
import { assetNames, nameIn, readAsset } from './assets.ts';

export * from 'node:fs';

export function readFileSync(file: PathOrFileDescriptor, encoding?: BufferEncoding): string | Buffer {
  const name = nameIn(file);
  if (name === undefined) return readFile(file, { encoding: encoding ?? null });
  const bytes = readAsset(name);
  return encoding === undefined ? bytes : bytes.toString(encoding);
}

export function readdirSync(folder: string | URL): string[] {
  const name = nameIn(folder);
  if (name === undefined) return readFolder(folder);
  return assetNames()
    .filter((asset) => asset.startsWith(name) && !asset.slice(name.length).includes('/'))
    .map((asset) => asset.slice(name.length));
}
