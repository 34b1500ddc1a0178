import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { type BackupHeader, openContainer, writeContainer } from './container.ts';

/** A SQLite file of rows and the file of a backup, which is made of it. */

/** Little time for most of the saving: a backup runs beside pushes. */
const compressionLevel = 1;

/** Receives the part of the work that is done, from 0 to 1. */
export type OnPart = (part: number) => void;

/** Yields the bytes of a backup with the SQLite file. Without a passphrase it is not encrypted. */
export function packSnapshot(
  file: string,
  beganAt: number,
  passphrase: string | undefined,
  onPart: OnPart = () => undefined,
): AsyncGenerator<Buffer> {
  return writeContainer(beganAt, compressed(file, onPart), passphrase);
}

async function* compressed(file: string, onPart: OnPart): AsyncGenerator<Buffer> {
  const { size } = await stat(file);
  const gzip = createGzip({ level: compressionLevel });
  const source = createReadStream(file);
  source.on('data', () => onPart(source.bytesRead / size));
  const ended = pipeline(source, gzip);
  // A failure also ends the iteration, which reports it.
  ended.catch(() => undefined);
  yield* gzip as AsyncIterable<Buffer>;
  await ended;
}

/**
 * Writes the SQLite file of a backup to `file`, which only this user can read. Resolves to the header when all of it was
 * verified; after an error a part of the file may be left. Throws `DamagedBackup`.
 */
export async function unpackSnapshot(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
  passphrase: string | undefined,
): Promise<BackupHeader> {
  const { header, content } = await openContainer(bytes, passphrase);
  await pipeline(Readable.from(content()), createGunzip(), createWriteStream(file, { mode: 0o600 }));
  return header;
}
