import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyFrom, placeOf } from './body-place.ts';
import type { GrowingBlob } from './growing-blob.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

export interface DownloadOptions {
  /** The blob's size, where a manifest has said it. */
  readonly promisedBytes: number | undefined;
  /** The blob from the byte `first` on, to its end or to the byte `last`. Rejects with `UpstreamError`. */
  readonly fetch: (first: number, signal: AbortSignal, last?: number) => Promise<IncomingMessage>;
  readonly signal: AbortSignal;
  /** The upstream begins to send it. */
  readonly onBegin: (sizeBytes: number) => void;
  /** An attempt has broken off, or what a former download left is used. */
  readonly onResume: () => void;
  /** Resolves when more may be read. */
  readonly onReceived: (bytes: number, signal: AbortSignal) => Promise<void>;
}

/** Attempts in a row that bring nothing. */
const mostAttempts = 5;
const firstPauseMilliseconds = 100;

/**
 * Brings the bytes that the blob lacks. What breaks off is resumed where it was; only before the upstream has begun to
 * send is its refusal final. Rejects with `UpstreamError`, or with what the file's disk says.
 */
export async function download(blob: GrowingBlob, options: DownloadOptions): Promise<void> {
  const { promisedBytes, fetch, signal, onBegin, onResume, onReceived } = options;
  let sizeBytes: number | undefined;

  async function receive(): Promise<void> {
    const response = await fetch(blob.keptBytes, signal);
    const { firstByte, totalBytes } = placeOf(response, promisedBytes ?? sizeBytes);
    if (totalBytes !== (sizeBytes ?? promisedBytes ?? totalBytes) || firstByte > blob.keptBytes) {
      response.destroy();
      throw new UpstreamError('bad_content', 'the upstream tells another size than before');
    }
    if (sizeBytes === undefined) onBegin(totalBytes);
    sizeBytes = totalBytes;
    for await (const chunk of bodyFrom(response, blob.keptBytes - firstByte, totalBytes - blob.keptBytes)) {
      await blob.append(chunk);
      await onReceived(chunk.length, signal);
    }
  }

  async function mayTryAgain(error: unknown): Promise<boolean> {
    if (signal.aborted || !(error instanceof UpstreamError)) return false;
    if (sizeBytes !== undefined) return error.code !== 'bad_content';
    if (error.code !== 'bad_content' || blob.keptBytes === 0) return false;
    // What was left here is not the beginning of what the upstream has.
    await blob.restart();
    return true;
  }

  if (blob.keptBytes > 0) onResume();
  for (let attempt = 1; ; attempt++) {
    const before = blob.keptBytes;
    try {
      await receive();
    } catch (error) {
      if (!(await mayTryAgain(error))) throw error;
    }
    if (blob.keptBytes === sizeBytes) return;
    if (blob.keptBytes > before) attempt = 0;
    if (attempt === mostAttempts) throw new UpstreamError('failed', 'the download broke off again and again');
    onResume();
    await delay(firstPauseMilliseconds * 2 ** Math.max(0, attempt - 1), undefined, { signal }).catch(() => {
      throw signal.reason as Error;
    });
  }
}
