import type { IncomingMessage } from 'node:http';
import type { OpenObject } from '../../../storage/blobs/driver.ts';
import { pauseAfter } from '../../../storage/back-off.ts';
import { type Clock, realClock } from './clock.ts';
import { bodyFrom, contentRangeOf } from './content-range.ts';
import { type OtherCopies, readWhileGood } from './other-copies.ts';
import type { PartialBlob } from './partial-blob.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../upstream/upstream-error.ts';

export interface DownloadOptions {
  /** The blob's size, where a manifest has said it. */
  readonly promisedBytes: number | undefined;
  /** The blob from the byte `first` on, to its end or to the byte `last`. Rejects with `UpstreamError`. */
  readonly fetch: (first: number, signal: AbortSignal, last?: number) => Promise<IncomingMessage>;
  /** Rejects unless the repository may serve a stored blob that this upstream has not begun to send. */
  readonly proveStored: () => Promise<unknown>;
  readonly otherCopies?: OtherCopies | undefined;
  readonly signal: AbortSignal;
  /** How long an upstream that has begun to send may bring nothing before the download fails. */
  readonly idleSeconds: number;
  /** The upstream begins to send it. */
  readonly onBegin: (sizeBytes: number) => void;
  /** An attempt has broken off, or the bytes of a former download are used. */
  readonly onResume: () => void;
  /** The upstream has sent bytes. Resolves when more may be read. */
  readonly onReceived: (bytes: number, signal: AbortSignal) => Promise<void>;
  /** Bytes of another copy were added. */
  readonly onCopied: () => void;
}

/** Attempts in a row that bring nothing, before `idleSeconds` ends the download. */
const fewestAttempts = 5;
/** Milliseconds between attempts. */
const pauses = { first: 100, longest: 2000 };
/** How often a download checks whether the blob is stored by now. */
const pollMilliseconds = 1000;

/**
 * Brings the bytes that the blob lacks. A download that breaks off is resumed where it was, while clients wait; only
 * before the upstream has begun to send is its refusal final. When the blob is stored meanwhile, the rest comes from the
 * store. A download that would end without the blob goes on with the bytes of a further one from another upstream. Rejects
 * with `UpstreamError`, or with the error of the file's disk.
 */
export async function download(blob: PartialBlob, options: DownloadOptions, clock = realClock): Promise<void> {
  const { signal, idleSeconds, onResume } = options;
  const attempts = createAttempts(blob, options, clock);
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
      if (await attempts.followOther()) {
        if (attempts.isDone()) return;
        failures = 0;
        progressAt = clock.now();
        continue;
      }
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
  /** Takes bytes from a download of another upstream, as long as it has more. True if there were any. */
  followOther(): Promise<boolean>;
  isDone(): boolean;
}

function createAttempts(blob: PartialBlob, options: DownloadOptions, clock: Clock): Attempts {
  const { promisedBytes, fetch, proveStored, otherCopies, signal, onBegin, onReceived, onCopied } = options;
  let sizeBytes: number | undefined;
  /** Answers in a row that were no part of the blob. */
  let wrongAnswers = 0;

  async function receive(signal: AbortSignal): Promise<void> {
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

  /** Receives from the upstream until the blob is stored; then takes the rest from the store. */
  async function receiveOrCopy(): Promise<void> {
    const ended = new AbortController();
    const watching = stored(ended.signal).then(
      () => ended.abort(new UpstreamError('failed', 'another download has stored the blob')),
      () => undefined,
    );
    try {
      await receive(AbortSignal.any([signal, ended.signal]));
    } catch (error) {
      const isInterrupted = ended.signal.aborted && !signal.aborted && error instanceof UpstreamError;
      if (!isInterrupted || !(await copyStored())) throw error;
    } finally {
      ended.abort();
      await watching;
    }
  }

  /** Resolves when the blob is stored and may be served; rejects at `until`. */
  async function stored(until: AbortSignal): Promise<void> {
    if (!otherCopies) throw new Error('there are no other copies');
    for (;;) {
      await clock.sleep(pollMilliseconds, until);
      if ((await otherCopies.isStored()) && (await isProven())) return;
    }
  }

  /** True if the upstream has begun to send the blob, or the repository may serve it all the same. */
  async function isProven(): Promise<boolean> {
    if (sizeBytes !== undefined) return true;
    return proveStored().then(
      () => true,
      () => false,
    );
  }

  /** False where the blob is not in the store. Only if `isProven`. */
  async function copyStored(): Promise<boolean> {
    const object = await otherCopies?.openStored(blob.keptBytes);
    if (!object) return false;
    if (sizeBytes === undefined) {
      sizeBytes = object.sizeBytes;
      onBegin(sizeBytes);
    }
    await copy(object);
    return true;
  }

  async function copy(object: OpenObject): Promise<void> {
    for await (const chunk of readWhileGood(object, signal)) {
      await blob.append(chunk);
      onCopied();
    }
    signal.throwIfAborted();
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
        if (sizeBytes === undefined || !(await copyStored())) await receiveOrCopy();
        wrongAnswers = 0;
        return undefined;
      } catch (error) {
        return await survive(error, before);
      }
    },
    async followOther() {
      const before = blob.keptBytes;
      const other = otherCopies?.openFurther(before);
      if (other?.sizeBytes === sizeBytes && other) await copy(other);
      else await other?.close();
      return blob.keptBytes > before;
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
