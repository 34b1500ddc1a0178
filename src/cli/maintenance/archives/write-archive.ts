import { type FileHandle, open, rename } from 'node:fs/promises';
import type { ArchiveFile, ArchivePart } from '../../../archives/out/archive-file.ts';
import type { ArchiveExports } from '../../../archives/out/exports.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { createProgress, inUnits } from '../../program/progress.ts';

/** Bytes that are written between two syncs: a power loss costs no more than these. */
const syncBytes = 64 * 1024 * 1024;

/**
 * Writes the archive into a file beside `file`, and renames that at the end. A file that an interrupted run has left is
 * continued: its name contains the archive's identity.
 */
export async function writeArchive(
  invocation: Invocation,
  exports: ArchiveExports,
  archive: ArchiveFile,
  file: string,
): Promise<void> {
  const partial = `${file}.${archive.etag.slice(1, 13)}.part`;
  const output = await open(partial, 'a+').catch((error: unknown) => {
    throw new CommandError(`cannot write ${partial}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const bar = createProgress(file, progressOutput(invocation));
  try {
    const { size } = await output.stat();
    let position = Math.max(0, Math.min(size, archive.sizeBytes) - syncBytes);
    await output.truncate(position);
    let synced = position;
    for (const part of archive.parts({ first: position, last: archive.sizeBytes - 1 })) {
      for await (const chunk of bytesOf(exports, part)) {
        await writeWhole(output, chunk);
        position += chunk.length;
        bar.show(position / archive.sizeBytes, `${inUnits(position)} of ${inUnits(archive.sizeBytes)}`);
        if (position - synced < syncBytes) continue;
        await output.datasync();
        synced = position;
      }
    }
    await output.sync();
  } finally {
    bar.end();
    await output.close();
  }
  await rename(partial, file);
}

/** With `--json`, standard output has nothing but the result. */
function progressOutput({ isTerminal, write, options }: Invocation): Pick<Invocation, 'isTerminal' | 'write'> {
  return { isTerminal, write: options['json'] === true ? () => undefined : write };
}

async function* bytesOf(exports: ArchiveExports, part: ArchivePart): AsyncGenerator<Uint8Array> {
  if ('bytes' in part) {
    yield part.bytes;
    return;
  }
  const object = await exports.open(part);
  try {
    yield* object.stream();
  } finally {
    await object.close();
  }
}

async function writeWhole(output: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += (await output.write(bytes, written)).bytesWritten;
}
