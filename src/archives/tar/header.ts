import { Header } from 'tar/header';
import { Pax } from 'tar/pax';

/** Size of the blocks of a tar file. */
export const blockBytes = 512;

/** Two blocks of zeros end a tar file. */
export const endOfArchive = Buffer.alloc(2 * blockBytes);

/**
 * Returns the header of a regular file: mode 0644, owner 0, time 0, so that the same content always makes the same bytes. A name
 * or a size that does not fit into the header gets an extended header (POSIX pax) in front.
 */
export function fileHeader(path: string, sizeBytes: number): Buffer {
  const fields = { path, size: sizeBytes, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) };
  const header = new Header({ ...fields, type: 'File' });
  const block = Buffer.alloc(blockBytes);
  if (!header.encode(block)) return block;
  return Buffer.concat([new Pax({ path, size: sizeBytes }).encode(), block]);
}

/** Returns the number of zeros after a file of `sizeBytes`. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}
