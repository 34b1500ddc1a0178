import { mkdir } from 'node:fs/promises';

/** Makes the folder; true for the one process of a test run that comes first and fills it for the others. */
export async function isFirst(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}
