import { createHash } from 'node:crypto';
import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';
import { createOutOfOrderRanges } from './out-of-order-ranges.ts';
import { contentRangeOf } from './content-range.ts';
import { bypass } from './bypass.ts';
import { type DownloadOptions, download } from './download.ts';
import { FillSpaceExceeded } from './fill-space.ts';
import { type FillState, sizeIn } from './fill-state.ts';
import { type PartialBlob, openPartialBlob, verify } from './partial-blob.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/**
 * One download of one blob for all its clients (states: `fill-state.ts`). Bytes go to a file at the upstream's pace; each
 * reader follows the file at its own. A reader that follows the file or bypasses it gets the last byte only after
 * verification; ranges far ahead are not verified here (`out-of-order-ranges.ts`).
 */
export interface Fill {
  /** Resolves to the blob's size when the upstream begins to send it; rejects if it does not. */
  readonly started: Promise<number>;
  /**
   * Resolves when all bytes are in the file and verified. Rejects if that will not happen; readers may still succeed by
   * bypass.
   */
  readonly verified: Promise<unknown>;
  /** Opens a reader: it reads the bytes in the file and follows as the file grows. Only after `started`. */
  open(range?: ByteRange): OpenObject;
  /** Number of open readers. */
  readonly readers: number;
  /** Bytes in the file. */
  readonly keptBytes: number;
  /** Ends the download. The partial file is kept for the next fill. */
  stop(why: string): void;
  /** Closes the file when its last reader is closed. Until then readers may be opened. */
  release(): void;
}

export interface FillOptions extends Omit<DownloadOptions, 'signal' | 'onCopied'> {
  readonly digest: Digest;
  /** The file for the bytes. Bytes that a former fill of this blob has left there are used. */
  readonly path: string;
  /**
   * Called instead of a download when the file is already complete: confirms that the upstream has the blob. Rejects with
   * `UpstreamError`.
   */
  readonly prove: () => Promise<unknown>;
  /** Reserves disk space for the blob before its bytes are written. Throws `FillSpaceExceeded`. */
  readonly reserve: (sizeBytes: number) => void;
  /** Called when the last reader is closed. */
  readonly onUnread: () => void;
}

const readerBytes = 64 * 1024;

export function beginFill(options: FillOptions): Fill {
  const { digest, path, promisedBytes, fetch } = options;
  const stopping = new AbortController();
  const started = Promise.withResolvers<number>();
  const verified = Promise.withResolvers<undefined>();
  for (const { promise } of [started, verified]) promise.catch(() => undefined);
  const growth = createChangeSignal();
  const outOfOrder = createOutOfOrderRanges({ ...options, signal: stopping.signal });

  let blob: PartialBlob | undefined;
  let state: FillState = { name: 'starting' };
  let readers = 0;
  let isReleased = false;

  function begin(sizeBytes: number): void {
    options.onBegin(sizeBytes);
    started.resolve(sizeBytes);
  }

  function beginOnDisk(sizeBytes: number): void {
    options.reserve(sizeBytes);
    state = { name: 'filling', sizeBytes };
    begin(sizeBytes);
  }

  function received(bytes: number, signal: AbortSignal): Promise<void> {
    growth.notify();
    return options.onReceived(bytes, signal);
  }

  async function run(): Promise<void> {
    try {
      blob = await openPartialBlob(path, digest, promisedBytes);
      if (blob.keptBytes === promisedBytes) {
        await options.prove();
        beginOnDisk(promisedBytes);
      } else {
        const { signal } = stopping;
        await download(blob, { ...options, signal, onBegin: beginOnDisk, onReceived: received, onCopied: growth.notify });
      }
      verify(blob.hashed(), digest);
      state = { name: 'verified', sizeBytes: blob.keptBytes };
      verified.resolve(undefined);
    } catch (error) {
      await fail(error);
    } finally {
      growth.notify();
    }
  }

  async function fail(error: unknown): Promise<void> {
    const startedSize = sizeIn(state);
    try {
      if (!isDiskRefusal(error)) throw error;
      const sizeBytes = startedSize ?? (await sizeAtUpstream());
      state = { name: 'bypassed', sizeBytes };
      if (startedSize === undefined) begin(sizeBytes);
    } catch (failure) {
      state = { name: 'failed', error: failure, sizeBytes: startedSize };
      started.reject(failure);
    }
    verified.reject(error);
  }

  async function sizeAtUpstream(): Promise<number> {
    const response = await fetch(0, stopping.signal);
    response.destroy();
    return contentRangeOf(response, promisedBytes).totalBytes;
  }

  /** Returns how far the file may be read: the last byte only when all bytes are verified. */
  function readable(): number {
    const keptBytes = blob?.keptBytes ?? 0;
    return state.name === 'verified' ? keptBytes : Math.min(keptBytes, (sizeIn(state) ?? Infinity) - 1);
  }

  async function* follow({ first, last }: ByteRange, total: number, isOpen: () => boolean): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(readerBytes, Math.max(1, last - first + 1)));
    for (let at = first; at <= last && isOpen();) {
      const end = Math.min(readable(), last + 1);
      if (blob && at < end) {
        const bytesRead = await blob.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
        if (bytesRead === 0) throw new Error('the file of a fill is shorter than it was');
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      } else if (state.name === 'filling' && outOfOrder.isFar(at, readable())) {
        for await (const chunk of outOfOrder.piece({ first: at, last }, total)) {
          at += chunk.length;
          yield chunk;
        }
      } else if (state.name === 'filling') await growth.changed();
      else if (state.name === 'failed') throw state.error;
      else {
        yield* bypassFrom({ first: at, last }, total);
        return;
      }
    }
  }

  function bypassFrom(range: ByteRange, sizeBytes: number): AsyncGenerator<Buffer> {
    const { signal } = stopping;
    const hash = blob?.hashed() ?? createHash(digestAlgorithm(digest));
    const ask = (first: number) => fetch(first, signal);
    const onReceived = (bytes: number) => options.onReceived(bytes, signal);
    return bypass({ digest, sizeBytes, keptBytes: blob?.keptBytes ?? 0, hash, fetch: ask, onReceived, signal }, range);
  }

  function closeIfUnused(): void {
    if (readers === 0 && isReleased) blob?.close().catch(() => undefined);
  }

  function openReader(asked?: ByteRange): OpenObject {
    const total = sizeIn(state) ?? 0;
    const range = { first: asked?.first ?? 0, last: Math.min(asked?.last ?? Infinity, total - 1) };
    let isOpen = true;
    readers++;
    return {
      sizeBytes: total,
      range,
      stream: () => follow(range, total, () => isOpen),
      close() {
        if (!isOpen) return Promise.resolve();
        isOpen = false;
        readers--;
        // The reader may wait for more bytes.
        growth.notify();
        closeIfUnused();
        if (readers === 0) options.onUnread();
        return Promise.resolve();
      },
    };
  }

  void run();
  return {
    started: started.promise,
    verified: verified.promise,
    open: openReader,
    get readers() {
      return readers;
    },
    get keptBytes() {
      return blob?.keptBytes ?? 0;
    },
    stop: (why) => stopping.abort(new UpstreamError('unreachable', why)),
    release() {
      isReleased = true;
      closeIfUnused();
    },
  };
}

/**
 * True if the blob cannot be written to disk: the disk is full, fails, or is reserved for other downloads. Errors of the network
 * have a `syscall` too, but arrive as `UpstreamError`.
 */
export function isDiskRefusal(error: unknown): boolean {
  if (error instanceof FillSpaceExceeded) return true;
  return !(error instanceof UpstreamError) && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Wakes all waiting readers at once. */
function createChangeSignal(): { notify(): void; changed(): Promise<unknown> } {
  let next = Promise.withResolvers<undefined>();
  return {
    notify() {
      next.resolve(undefined);
      next = Promise.withResolvers<undefined>();
    },
    changed: () => next.promise,
  };
}
