import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const namePrefix = 'snapshot-';

/** Older folders belong to crashed processes. */
const oldMilliseconds = 24 * 3_600_000;

/**
 * Runs `work` in a new folder below `directory` that only this user can read, and deletes the folder afterwards, and those of
 * processes that crashed more than a day ago.
 */
export async function inWorkFolder<Result>(directory: string, work: (folder: string) => Promise<Result>): Promise<Result> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeOld(directory);
  const folder = await mkdtemp(join(directory, namePrefix));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeOld(directory: string): Promise<void> {
  for (const name of (await readdir(directory)).filter((one) => one.startsWith(namePrefix))) {
    const folder = join(directory, name);
    const changedAt = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    if (changedAt < Date.now() - oldMilliseconds) await rm(folder, { recursive: true, force: true });
  }
}
