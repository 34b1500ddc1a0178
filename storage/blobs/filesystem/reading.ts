import { close as closeDescriptor, fstat, open as openDescriptor, read as readDescriptor } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteRange, type OpenObject, StorageError } from '../driver.ts';
import { toStorageError } from './errors.ts';

const open = promisify(openDescriptor);
const stat = promisify(fstat);
const close = promisify(closeDescriptor);
const read = promisify(readDescriptor);

/** Large enough to make the cost of system calls negligible. */
const bufferBytes = 256 * 1024;

/** Opens a file for reading. Rejects `not_found`, `range_not_satisfiable`. */
export async function openFile(path: string, range: ByteRange | undefined): Promise<OpenObject> {
  const descriptor = await open(path, 'r').catch((error: unknown) => {
    throw toStorageError(error, 'read');
  });
  try {
    const stats = await stat(descriptor);
    if (!stats.isFile()) throw new StorageError('not_found', 'read: not an object');
    return openObject(descriptor, stats.size, cut(range, stats.size));
  } catch (error) {
    await close(descriptor);
    throw toStorageError(error, 'read');
  }
}

function cut(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (!range) return { first: 0, last: sizeBytes - 1 };
  if (range.first >= sizeBytes) throw new StorageError('range_not_satisfiable', `read: the object has ${sizeBytes} bytes`);
  return { first: range.first, last: Math.min(range.last, sizeBytes - 1) };
}

function openObject(descriptor: number, sizeBytes: number, range: ByteRange): OpenObject {
  let closing: Promise<void> | undefined;
  /** The read that the thread pool runs: the descriptor stays open until it ends. */
  let reading: Promise<unknown> = Promise.resolve();

  async function* stream(): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(bufferBytes, Math.max(1, range.last - range.first + 1)));
    for (let at = range.first; at <= range.last;) {
      if (closing) return;
      const next = read(descriptor, buffer, 0, Math.min(buffer.length, range.last - at + 1), at);
      reading = next.catch(() => undefined);
      const { bytesRead } = await next.catch((error: unknown) => {
        throw toStorageError(error, 'read');
      });
      if (bytesRead === 0) throw new StorageError('unavailable', 'read: the object is shorter than it was');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  return {
    sizeBytes,
    range,
    fileDescriptor: descriptor,
    stream,
    close() {
      closing ??= reading.then(() => close(descriptor));
      return closing;
    },
  };
}
