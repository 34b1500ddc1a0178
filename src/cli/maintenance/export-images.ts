import { type FileHandle, open, rename } from 'node:fs/promises';
import { openArchiveExports } from '../../assembly/archives.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import type { ArchiveFile, ArchivePart } from '../../archives/out/archive-file.ts';
import type { ArchiveExports } from '../../archives/out/exports.ts';
import { OciError } from '../../oci/errors.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import { createRegistry } from '../../registry/registry.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { readReference } from '../content/content-command.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { printValue } from '../program/output.ts';
import { createProgress, inUnits } from '../program/progress.ts';

/** `berth export REF... --output FILE`: writes images into one tar file, also beside a running server. */
export async function exportImages(invocation: Invocation): Promise<void> {
  const { operands, options, config, warn } = invocation;
  const names = operands.map(readReference);
  const file = options['output'];
  if (typeof file !== 'string') throw new UsageError('missing --output FILE\nusage: berth export REF... --output FILE');
  const platform = readPlatformOption(options['platform']);
  const host = typeof options['host'] === 'string' ? options['host'] : undefined;
  const settings = config();
  warn(`using the data in ${locateMetadata(settings)}`);
  const [driver, metadata] = [await openBlobStore(settings.storage.blobs), await openMetadata(settings)];
  const registry = createRegistry({ driver, metadata, now: Date.now, acceptMissing: true });
  try {
    const exports = openArchiveExports({ registry, metadata, upstreams: () => Object.keys(settings.mirror.upstreams) });
    const archive = await exports.describe(names, { platform, host });
    await writeArchive(invocation, exports, archive, file);
    const images = archive.images.map(({ repository, reference, digest }) => {
      return { repository, tag: reference.tag ?? null, digest };
    });
    const text = `wrote ${file}: ${inUnits(archive.sizeBytes)}, ${images.length === 1 ? '1 image' : `${images.length} images`}`;
    printValue(invocation, text, { file, sizeBytes: archive.sizeBytes, images });
  } catch (error) {
    throw error instanceof OciError ? new CommandError(error.message) : error;
  } finally {
    await metadata.close();
    await driver.close();
  }
}

function readPlatformOption(option: unknown): Platform | undefined {
  if (typeof option !== 'string') return undefined;
  const platform = parsePlatform(option);
  if (!platform) throw new UsageError(`${option} is not a platform, such as linux/amd64 or linux/arm64/v8`);
  return platform;
}

/** Bytes that are written between two syncs: a power loss costs no more than these. */
const syncBytes = 64 * 1024 * 1024;

/**
 * Writes the archive into a file beside `file`, and renames that at the end. A file that an interrupted run has left is
 * continued: its name contains the archive's identity.
 */
async function writeArchive(invocation: Invocation, exports: ArchiveExports, archive: ArchiveFile, file: string): Promise<void> {
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
