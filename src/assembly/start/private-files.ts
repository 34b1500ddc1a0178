import { statSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';

/** A path that other users of the machine can still open, and why that could not be changed. */
export interface ExposedPath {
  readonly path: string;
  /** Permissions, octal, such as `755`. */
  readonly mode: string;
  readonly reason: string;
}

const othersMode = 0o077;
const stickyMode = 0o1000;

/**
 * Takes all permissions on the data folder and on the SQLite file with its `-wal` and `-shm` away from the group and from
 * others: the metadata holds the key that signs tokens. What does not exist is left out. Returns what could not be changed,
 * as on a mount of another user or on a file system without permissions.
 */
export async function makePrivate(directory: string, metadataFile: string): Promise<readonly ExposedPath[]> {
  const files = ['', '-wal', '-shm'].map((suffix) => metadataFile + suffix);
  const exposed = await Promise.all([directory, ...files].map(makePathPrivate));
  return exposed.filter((path) => path !== undefined);
}

async function makePathPrivate(path: string): Promise<ExposedPath | undefined> {
  const before = await modeOf(path);
  if (before === undefined || (before & othersMode) === 0) return undefined;
  const exposed = { path, mode: (before & 0o777).toString(8) };
  // A folder such as /tmp: other programs need it as it is.
  if ((before & stickyMode) !== 0) return { ...exposed, reason: 'the folder is shared with other users (sticky bit)' };
  try {
    await chmod(path, before & ~othersMode);
  } catch (error) {
    return { ...exposed, reason: (error as Error).message };
  }
  const after = (await modeOf(path)) ?? 0;
  return (after & othersMode) === 0 ? undefined : { ...exposed, reason: 'the file system does not keep permissions' };
}

/** The permission bits; undefined where there is nothing. */
async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o7777;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Returns the umask that keeps new files of the data folder private: to this user; or to the group, where berth has the
 * folder only as a member of its group, so that replicas of other users can read what this one writes. Never throws: a command
 * that needs the folder reports why it cannot be used.
 */
export function umaskFor(directory: string): number {
  const owner = ownerOf(directory);
  return owner === undefined || owner === process.getuid?.() ? 0o077 : 0o007;
}

/** The user id of the owner; undefined if the folder does not exist or this user cannot reach it. */
function ownerOf(directory: string): number | undefined {
  try {
    return statSync(directory).uid;
  } catch {
    return undefined;
  }
}
