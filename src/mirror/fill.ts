import { type Hash, createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteRange, OpenObject } from '../../storage/blobs/driver.ts';
import { type Digest, digestAlgorithm } from '../oci/digest.ts';
import { bodyFrom, placeOf } from './body-place.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * One download of one blob, however many want it. Bytes go to a file at the upstream's pace; each reader follows the
 * file at its own. The last byte is given to nobody before all of them have the right digest.
 */
export interface Fill {
  /** Resolves to the blob's size when the upstream begins to send it; rejects when it does not. */
  readonly started: Promise<number>;
  /** Resolves when every byte is there and right; rejects when that will not be. */
  readonly verified: Promise<unknown>;
  /** Reads what is there and follows what comes. Only once it has started. */
  open(range?: ByteRange): OpenObject;
  /** Ends the download. What is in the file stays for a later one. */
  stop(): void;
  /** Closes the file once its last reader has. Until then readers may be opened. */
  release(): void;
}

export interface FillOptions {
  readonly digest: Digest;
  /** Where the bytes go. What a former fill of this blob has left there is used. */
  readonly path: string;
  /** The blob's size, where a manifest has said it. */
  readonly promisedBytes: number | undefined;
  /** The blob from the byte `first` on. Rejects with `UpstreamError`. */
  readonly fetch: (first: number, signal: AbortSignal) => Promise<IncomingMessage>;
  /** The upstream begins to send it. */
  readonly onBegin: (sizeBytes: number) => void;
  readonly onResume: () => void;
  readonly onReceived: (bytes: number) => void;
}

/** Attempts in a row that bring nothing. */
const mostAttempts = 5;
const firstPauseMilliseconds = 100;
const readerBytes = 64 * 1024;

export function beginFill(options: FillOptions): Fill {
  const { digest, path, promisedBytes, fetch, onBegin, onResume, onReceived } = options;
  const stopping = new AbortController();
  const started = Promise.withResolvers<number>();
  const verified = Promise.withResolvers<undefined>();
  for (const { promise } of [started, verified]) promise.catch(() => undefined);

  let file: FileHandle | undefined;
  let hash: Hash = createHash(digestAlgorithm(digest));
  let sizeBytes: number | undefined;
  /** Bytes that are in the file and in the hash. */
  let kept = 0;
  let state: 'filling' | 'whole' | 'bypassed' | 'failed' = 'filling';
  let failure: unknown;
  /** Whoever began the fill counts as one, until it releases it. */
  let readers = 1;
  const waiting = new Set<() => void>();

  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  /** How far readers may read: the last byte only when all are verified. */
  function readable(): number {
    if (state === 'whole') return kept;
    return Math.min(kept, (sizeBytes ?? Infinity) - 1);
  }

  async function run(): Promise<void> {
    try {
      file = await openFile(path);
      await takeOver(file);
      if (sizeBytes === undefined || kept < sizeBytes) await download(file);
      verify();
      state = 'whole';
      verified.resolve(undefined);
    } catch (error) {
      failure = error;
      state = isStorageFailure(error) ? 'bypassed' : 'failed';
      if (error instanceof WrongDigest) await file?.truncate(0).catch(() => undefined);
      if (state === 'bypassed') await beginBypass();
      else started.reject(error);
      verified.reject(error);
    } finally {
      wake();
    }
  }

  /** Counts in what a former fill has left: its bytes are hashed again, never trusted. */
  async function takeOver(source: FileHandle): Promise<void> {
    const { size } = await source.stat();
    if (promisedBytes !== undefined && size > promisedBytes) {
      await source.truncate(0);
      return;
    }
    for await (const chunk of source.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer);
      kept += (chunk as Buffer).length;
    }
    if (kept > 0 && kept === promisedBytes) begin(kept);
    else if (kept > 0) onResume();
  }

  function begin(total: number): void {
    if (sizeBytes === undefined) onBegin(total);
    sizeBytes = total;
    started.resolve(total);
    wake();
  }

  async function download(target: FileHandle): Promise<void> {
    for (let attempt = 1; sizeBytes === undefined || kept < sizeBytes;) {
      const before = kept;
      try {
        await receive(target);
      } catch (error) {
        if (!(await mayGoOn(target, error, before))) throw error;
      }
      if (sizeBytes !== undefined && kept >= sizeBytes) return;
      attempt = kept > before ? 1 : attempt + 1;
      if (attempt > mostAttempts) throw new UpstreamError('failed', 'the download broke off again and again');
      onResume();
      await delay(firstPauseMilliseconds * 2 ** (attempt - 1), undefined, { signal: stopping.signal });
    }
  }

  /** Whether another attempt makes sense. Before the upstream has begun to send, what it says is final. */
  async function mayGoOn(target: FileHandle, error: unknown, before: number): Promise<boolean> {
    if (stopping.signal.aborted || !(error instanceof UpstreamError)) return false;
    if (sizeBytes !== undefined) return error.code !== 'bad_content';
    if (error.code !== 'bad_content' || before === 0) return false;
    // What was left here is not the beginning of what the upstream has.
    await target.truncate(0);
    hash = createHash(digestAlgorithm(digest));
    kept = 0;
    return true;
  }

  async function receive(target: FileHandle): Promise<void> {
    const response = await fetch(kept, stopping.signal);
    const place = placeOf(response, promisedBytes ?? sizeBytes);
    if (place.totalBytes !== (sizeBytes ?? promisedBytes ?? place.totalBytes) || place.firstByte > kept) {
      response.destroy();
      throw new UpstreamError('bad_content', 'the upstream tells another size than before');
    }
    begin(place.totalBytes);
    for await (const chunk of bodyFrom(response, kept - place.firstByte, place.totalBytes - kept)) {
      onReceived(chunk.length);
      await write(target, chunk);
    }
  }

  async function write(target: FileHandle, chunk: Buffer): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await target.write(chunk, done, chunk.length - done, kept + done);
      done += bytesWritten;
    }
    hash.update(chunk);
    kept += chunk.length;
    wake();
  }

  function verify(): void {
    const actual = hash.copy().digest('hex');
    if (!digest.endsWith(`:${actual}`)) throw new WrongDigest(`its bytes have the digest ${actual.slice(0, 12)}…`);
  }

  /** The disk takes no more. Readers go on without it, each by a request of its own. */
  async function beginBypass(): Promise<void> {
    if (sizeBytes !== undefined) return;
    try {
      const response = await fetch(0, stopping.signal);
      response.destroy();
      begin(placeOf(response, promisedBytes).totalBytes);
    } catch (error) {
      state = 'failed';
      started.reject(error);
    }
  }

  /** The rest of the blob straight from the upstream, verified like the file would be. */
  async function* bypass(from: number): AsyncGenerator<Buffer> {
    const checking = hash.copy();
    let at = kept;
    let held: Buffer | undefined;
    const response = await fetch(at, stopping.signal);
    const place = placeOf(response, sizeBytes);
    for await (const chunk of bodyFrom(response, at - place.firstByte, place.totalBytes - at)) {
      checking.update(chunk);
      if (held) yield held;
      held = chunk.subarray(Math.min(chunk.length, Math.max(0, from - at)));
      at += chunk.length;
    }
    if (!digest.endsWith(`:${checking.digest('hex')}`)) throw new WrongDigest('its bytes have another digest');
    if (held) yield held;
  }

  function letGo(): void {
    if (--readers > 0) return;
    void file?.close().catch(() => undefined);
    file = undefined;
  }

  function openReader(asked?: ByteRange): OpenObject {
    const total = sizeBytes ?? 0;
    const range = { first: asked?.first ?? 0, last: Math.min(asked?.last ?? Infinity, total - 1) };
    let isClosed = false;
    readers++;

    async function* stream(): AsyncGenerator<Buffer> {
      const buffer = Buffer.allocUnsafe(Math.min(readerBytes, Math.max(1, range.last - range.first + 1)));
      for (let at = range.first; at <= range.last && !isClosed;) {
        const end = Math.min(readable(), range.last + 1);
        if (at < end && file) {
          const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
          if (bytesRead === 0) throw new Error('the file of a fill is shorter than it was');
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        } else if (state === 'filling') await new Promise<void>((resolve) => waiting.add(resolve));
        else if (state === 'bypassed') {
          for await (const chunk of cut(bypass(at), range.last + 1 - at)) yield chunk;
          return;
        } else throw failure;
      }
    }

    return {
      sizeBytes: total,
      range,
      stream,
      close() {
        if (!isClosed) letGo();
        isClosed = true;
        wake();
        return Promise.resolve();
      },
    };
  }

  void run();
  return {
    started: started.promise,
    verified: verified.promise,
    release: letGo,
    open: openReader,
    stop: () => stopping.abort(new UpstreamError('unreachable', 'the mirror is shutting down')),
  };
}

/** What came is not what the digest names: nothing of it may be kept. */
export class WrongDigest extends UpstreamError {
  constructor(message: string) {
    super('bad_content', message);
  }
}

function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r+').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return open(path, 'w+');
  });
}

function isStorageFailure(error: unknown): boolean {
  return !(error instanceof UpstreamError) && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

async function* cut(source: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let left = length;
  for await (const chunk of source) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}
