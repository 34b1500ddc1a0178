import { stat } from 'node:fs/promises';
import type { CommittedTag } from '../../../archives/in/commit.ts';
import type { Compression } from '../../../archives/in/compression.ts';
import type { ArchiveImports } from '../../../archives/in/imports.ts';
import { OciError } from '../../../oci/errors.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { type Destination, targetsOf } from './import-targets.ts';
import { readFileBytes } from './read-archive-file.ts';

/** Upload sessions need a repository; without `--to` it is not known before the archive is read. */
const unnamed = 'imported' as RepositoryName;

/** Commands check no rights: their caller can change them. Their upload sessions belong to no account. */
const owner = '';

const author = { actor: 'command line', address: '' };

/** Stores the images of one file. Throws `CommandError`, and drops then what was stored of it. */
export async function importFile(
  invocation: Invocation,
  imports: ArchiveImports,
  file: string,
  to: Destination,
  compression: Compression | undefined,
): Promise<readonly CommittedTag[]> {
  try {
    const { size } = await stat(file);
    const source = readFileBytes(invocation, file, size);
    const sender = { repository: to.repository ?? unnamed, owner, author };
    const archive = await imports.receive(source, sender, { compression, sizeBytes: size });
    try {
      const targets = targetsOf(archive, file, to);
      for (const { note, missing = [] } of archive.plan.images) {
        if (note !== undefined) invocation.warn(`${file}: ${note}`);
        if (missing.length > 0)
          invocation.warn(`${file}: the index lists ${missing.join(', ')}, and the file does not have them`);
      }
      return await imports.commit({ archive, owner, targets, keepsTags: () => false, author });
    } catch (error) {
      await imports.cancel(archive.id, owner).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    if (error instanceof OciError || isSystemError(error)) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}
