import { invalidArchive, quoted } from '../archive-error.ts';

/** Longest name of an entry or of the target of a link, in bytes of UTF-8. */
export const longestName = 4096;

/**
 * Returns the name of an entry as the key under which manifests find it: without `./` in front. Throws MANIFEST_INVALID for
 * absolute names, for names with `..` and for names with more than 4,096 bytes. A key is never used as a path.
 */
export function entryKey(name: string): string {
  requireShort(name, 'entry');
  if (name.startsWith('/')) throw invalidArchive(`entry ${quoted(name)} has an absolute name: names must be relative`);
  if (/[\0\\]/.test(name)) throw invalidArchive(`entry ${quoted(name)} has a NUL or a backslash in its name`);
  const parts = partsOf(name);
  if (parts.includes('..')) throw invalidArchive(`entry ${quoted(name)} has .. in its name: names must stay in the archive`);
  return parts.join('/');
}

/**
 * Returns the key of the entry that a link leads to. The target of a symbolic link begins at its folder, that of a hard link at
 * the root of the archive. Throws MANIFEST_INVALID for links that lead out of the archive.
 */
export function linkKey(key: string, target: string, isSymbolic: boolean): string {
  requireShort(target, 'link');
  if (target === '' || target.startsWith('/') || /[\0\\]/.test(target)) throw leadsOut(key, target);
  const folder = isSymbolic ? key.split('/').slice(0, -1) : [];
  for (const part of partsOf(target)) {
    if (part !== '..') folder.push(part);
    else if (folder.pop() === undefined) throw leadsOut(key, target);
  }
  return folder.join('/');
}

function partsOf(name: string): string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.');
}

function requireShort(name: string, what: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > longestName)
    throw invalidArchive(`the name of the ${what} ${quoted(name)} has ${bytes} bytes: at most ${longestName} are allowed`);
}

function leadsOut(key: string, target: string) {
  return invalidArchive(`link ${quoted(key)} leads to ${quoted(target)}: links must lead to entries of the archive`);
}
