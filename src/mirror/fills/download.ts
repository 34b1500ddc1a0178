import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import { pauseAfter } from '../../coordination/back-off.ts';
import { bodyFrom, contentRangeOf } from './content-range.ts';
import type { PartialBlob } from './partial-blob.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream/upstream-error.ts';

export interface DownloadOptions {
  /** The blob's size, where a manifest has said it. */
  readonly promisedBytes: number | undefined;
  /** The blob from the byte `first` on, to its end or to the byte `last`. Rejects with `UpstreamError`. */
  readonly fetch: (first: number, signal: AbortSignal, last?: number) => Promise<IncomingMessage>;
  /** The same from the blob store, where a download from another upstream has brought the blob meanwhile. */
  readonly openStored?: (range: ByteRange) => Promise<OpenObject | undefined>;
  readonly signal: AbortSignal;
  /** How long an upstream that has begun to send may bring nothing before the download fails. */
  readonly idleSeconds: number;
  /** The upstream begins to send it. */
  readonly onBegin: (sizeBytes: number) => void;
  /** An attempt has broken off, or the bytes of a former download are used. */
  readonly onResume: () => void;
  /** Resolves when more may be read. */
  readonly onReceived: (bytes: number, signal: AbortSignal) => Promise<void>;
}

/** Time as a download sees it; tests pass their own. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Rejects when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<unknown>;
}

const realClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};

/** Attempts in a row that bring nothing, before `idleSeconds` ends the download. */
const fewestAttempts = 5;
/** Milliseconds between attempts. */
const pauses = { first: 100, longest: 2000 };

/**
 * Brings the bytes that the blob lacks. A download that breaks off is resumed where it was, while clients wait; only
 * before the upstream has begun to send is its refusal final. Rejects with `UpstreamError`, or with the error of the
 * file's disk.
 */
export async function download(blob: PartialBlob, options: DownloadOptions, clock = realClock): Promise<void> {
  const { signal, idleSeconds, onResume } = options;
  const attempts = createAttempts(blob, options);
  let progressAt = clock.now();

  function mayGoOn(error: UpstreamError | undefined, failures: number): boolean {
    if (error && isLongLimit(error, idleSeconds)) return false;
    if (failures < fewestAttempts) return true;
    return clock.now() - progressAt < idleSeconds * 1000 && !(error && isFinal(error));
  }

  if (blob.keptBytes > 0) onResume();
  for (let failures = 0; ;) {
    const before = blob.keptBytes;
    const error = await attempts.next();
    if (attempts.isDone()) return;
    failures++;
    if (blob.keptBytes > before) {
      failures = 0;
      progressAt = clock.now();
    }
    if (!mayGoOn(error, failures)) {
      throw new UpstreamError('failed', 'the download broke off again and again', { cause: error });
    }
    onResume();
    await clock.sleep(pauseAfter(failures, pauses), signal).catch(() => {
      throw signal.reason as Error;
    });
  }
}

interface Attempts {
  /** Asks the upstream once. Resolves to the error that the download can survive; rejects with one that it cannot. */
  next(): Promise<UpstreamError | undefined>;
  isDone(): boolean;
}

function createAttempts(blob: PartialBlob, options: DownloadOptions): Attempts {
  const { promisedBytes, fetch, openStored, signal, onBegin, onReceived } = options;
  let sizeBytes: number | undefined;
  /** Answers in a row that were no part of the blob. */
  let wrongAnswers = 0;

  async function receive(): Promise<void> {
    // After two wrong answers to ranges the whole blob is requested once.
    const response = await fetch(wrongAnswers === 2 ? 0 : blob.keptBytes, signal);
    const { firstByte, totalBytes } = begin(response);
    let at = firstByte;
    for await (const chunk of bodyFrom(response, 0, totalBytes - firstByte)) {
      const known = chunk.subarray(0, Math.max(0, blob.keptBytes - at));
      if (!(await blob.holds(known, at))) throw new UpstreamError('bad_content', 'the upstream sends other bytes than before');
      at += chunk.length;
      if (known.length < chunk.length) await blob.append(chunk.subarray(known.length));
      await onReceived(chunk.length, signal);
    }
  }

  function begin(response: IncomingMessage) {
    try {
      const place = contentRangeOf(response, promisedBytes ?? sizeBytes);
      const { firstByte, totalBytes } = place;
      if (totalBytes !== (sizeBytes ?? promisedBytes ?? totalBytes) || firstByte > blob.keptBytes || totalBytes < blob.keptBytes)
        throw new UpstreamError('bad_content', 'the upstream tells another size than before');
      if (sizeBytes === undefined) onBegin(totalBytes);
      sizeBytes = totalBytes;
      return place;
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  /** False where the blob is not in the store. Before the upstream has begun to send, its own answer is needed. */
  async function takeStored(): Promise<boolean> {
    if (sizeBytes === undefined) return false;
    const stored = await openStored?.({ first: blob.keptBytes, last: sizeBytes - 1 });
    if (!stored) return false;
    try {
      for await (const chunk of stored.stream()) await blob.append(Buffer.from(chunk));
    } finally {
      await stored.close();
    }
    return true;
  }

  async function survive(error: unknown, before: number): Promise<UpstreamError> {
    if (signal.aborted || !(error instanceof UpstreamError)) throw error;
    wrongAnswers = error.code === 'bad_content' && blob.keptBytes === before ? wrongAnswers + 1 : 0;
    if (sizeBytes !== undefined) return error;
    if (error.code !== 'bad_content' || wrongAnswers > 1) throw error;
    // The bytes of a former download may not be the beginning of the upstream's blob.
    if (blob.keptBytes > 0) await blob.restart();
    return error;
  }

  return {
    async next() {
      const before = blob.keptBytes;
      try {
        if (!(await takeStored())) await receive();
        wrongAnswers = 0;
        return undefined;
      } catch (error) {
        return await survive(error, before);
      }
    },
    isDone: () => blob.keptBytes === sizeBytes,
  };
}

/** A limit that will not end while clients wait. */
function isLongLimit({ code, retryAfterSeconds = Infinity }: UpstreamError, idleSeconds: number): boolean {
  return code === 'limited' && retryAfterSeconds > idleSeconds;
}

/** Answers that may be a moment's mistake, and are believed when they are repeated. */
const final: readonly UpstreamErrorCode[] = ['not_found', 'denied', 'login_refused'];

function isFinal({ code }: UpstreamError): boolean {
  return final.includes(code);
}
