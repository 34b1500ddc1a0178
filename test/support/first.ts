import { mkdir } from 'node:fs/promises';

/** Creates the folder. Resolves to true in the first process of a test run, which fills the folder for the others. */
export async function isFirst(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}
