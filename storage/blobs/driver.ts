import type { Digest } from '../../src/oci/digest.ts';

/**
 * THE CONTRACT of a blob driver. Every guarantee that berth gives about bytes rests on these sentences;
 * `test/contract/blob-driver.ts` holds every driver and every wrapper to them.
 *
 * Drivers do not log or count: wrappers do. Nor do they retry, but for what their protocol means to be tried again (S3).
 */

/** An object's key: see `objectKey`, the only way to make one. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' };

export type StorageErrorCode =
  | 'not_found'
  | 'already_exists'
  | 'invalid_key'
  | 'range_not_satisfiable'
  | 'too_large'
  | 'no_space'
  | 'denied'
  | 'unavailable'
  | 'closed';

/** The only error that a driver rejects with; `cause` is the backend's own. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Checks and brands a key: `/`-separated, 1–1024 bytes of `[A-Za-z0-9._-/]`, no empty, `.` or `..` part.
 * A key is never also the folder of another one: `layout.ts` makes none such.
 * Throws `invalid_key`.
 */
export function objectKey(text: string): ObjectKey {
  const wellFormed = text.length <= 1024 && /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/.test(text);
  if (!wellFormed || text.split('/').some((part) => part === '.' || part === '..')) {
    throw new StorageError('invalid_key', `not an object key: ${JSON.stringify(text.slice(0, 80))}`);
  }
  return text as ObjectKey;
}

export interface ObjectStat {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Bytes `first` … `last`, both inclusive, counted from 0. `last` may lie beyond the end. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** An object opened for reading. Whoever opened it closes it, also after a failure. */
export interface OpenObject {
  /** Size of the whole object. */
  readonly sizeBytes: number;
  /** The bytes that `stream` gives: the range asked for, cut at the object's end, or everything. */
  readonly range: ByteRange;
  /**
   * The open file, where the object is one: positional reads and sendfile(2) may use it until `close`.
   * It stays readable when the object is deleted meanwhile.
   */
  readonly fileDescriptor?: number;
  /** The bytes of `range` in order. Chunks may be reused buffers: use each before asking for the next. Once only. */
  stream(): AsyncIterable<Uint8Array>;
  /** Idempotent. Ends `stream` when one is running. */
  close(): Promise<void>;
}

export interface OpenAppenderOptions {
  /** False starts empty; true goes on where the last append ended. */
  readonly resume: boolean;
  /** Throws when another process may have taken the object over. Called before each change of the store. */
  readonly assertHeld?: (() => void) | undefined;
  /** Receives every byte of the object, in order, when opening has to copy it. Chunks may be reused buffers. */
  readonly onCopied?: ((chunk: Uint8Array) => void) | undefined;
}

/**
 * A growing object, unseen by `stat`, `read` and `list` until `commit`.
 * One process appends at a time: callers hold a lock on the upload session. A process that has lost the lock without
 * noticing cannot change bytes that another process has taken over: its `close` and `commit` reject `unavailable`.
 */
export interface Appender {
  /** Bytes kept so far. On resume it is read from the store, never remembered. */
  readonly sizeBytes: number;
  /** What the last append said of exactly the bytes that are kept, where the store has remembered it. */
  readonly knownDigest: Digest | undefined;
  /**
   * Appends everything that `source` yields, in order, and resolves to the number of bytes it appended.
   * When `source` fails, everything that it yielded before is kept. When the store fails, `sizeBytes` says what was
   * kept: a prefix, gap-free.
   * The chunks belong to the appender from then on: the source must not reuse their memory.
   * `digestOf` is asked at the end for the digest of all `sizeBytes`, if it is known; a driver may remember it.
   */
  append(source: AsyncIterable<Uint8Array>, digestOf?: (sizeBytes: number) => Digest | undefined): Promise<number>;
  /** Cuts back to the first `sizeBytes` bytes; used to drop what arrived of a rejected chunk. */
  truncate(sizeBytes: number): Promise<void>;
  /** The bytes appended so far, to be hashed again when the hashing process was lost. */
  readBack(): AsyncIterable<Uint8Array>;
  /** Releases what is held open and keeps the bytes for a later resume. Idempotent. */
  close(): Promise<void>;
  /**
   * Makes the object visible under `to`, whole and durable once resolved (survives power loss). Replaces what is there,
   * which may be damaged. The growing object stays too, so that it can be published again, also after a crash: `abort`
   * ends it, and leaves the object. What is appended later does not change the object.
   * After a failure it can be tried again, or `abort` called. Bytes of which the store cannot say whether they are
   * durable are dropped: `sizeBytes` is 0 then.
   */
  publish(to: ObjectKey): Promise<void>;
  /** Publishes and ends the growing object. After a failure it can be tried again, or `abort` called. */
  commit(to: ObjectKey): Promise<void>;
  /** Drops the growing object. Idempotent, also after `commit` (then it does nothing). */
  abort(): Promise<void>;
}

export interface PutOptions {
  /** Default: false. */
  readonly ifAbsent?: boolean;
  /** Default: true. Not together with `ifAbsent`. */
  readonly isDurable?: boolean;
}

export interface DriverCapabilities {
  /** `put(…, { ifAbsent: true })` is atomic among all writers, in every process. */
  readonly atomicIfAbsent: boolean;
  /** `presignRead` gives URLs. */
  readonly presignedReads: boolean;
  /** Each operation is a request to another machine: it takes milliseconds, may cost money, and fails while that is away. */
  readonly remote: boolean;
}

export interface BlobDriver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;

  /** Size and time of the last change. Rejects `not_found`. Sees every write already resolved, by any process. */
  stat(key: ObjectKey): Promise<ObjectStat>;

  /**
   * Opens before it resolves, so `not_found` and `range_not_satisfiable` (a range that begins at or beyond the end)
   * are rejections and never errors of the stream.
   */
  read(key: ObjectKey, range?: ByteRange): Promise<OpenObject>;

  /**
   * Writes a small object in one go. Atomic: readers see the old or the new bytes, never a mix.
   * Durable once resolved; with `isDurable: false` a power loss within the next minute may leave the old, no or an empty object,
   * which saves most of the cost where the driver keeps files. With `ifAbsent` it rejects `already_exists` and leaves the old object as it is.
   */
  put(key: ObjectKey, bytes: Uint8Array, options?: PutOptions): Promise<void>;

  /**
   * Opens the growing object `key`. `resume: false` starts empty, whatever was there;
   * `resume: true` goes on where the last append ended, on any process, and rejects `not_found` if there is nothing.
   */
  openAppender(key: ObjectKey, options: OpenAppenderOptions): Promise<Appender>;

  /** Bytes of the growing object `key`, also while a process appends to it. Rejects `not_found` if there is nothing. */
  inProgressBytes(key: ObjectKey): Promise<number>;

  /**
   * Takes over a file of this machine as the object `to`, whole and durable once resolved; replaces what is there.
   * Removes a file that cannot be synced. Rejects `unavailable` where the file lies on another file system. Only drivers
   * that keep files have it: elsewhere the bytes are appended.
   */
  adoptFile?(path: string, to: ObjectKey): Promise<void>;

  /** `to` appears whole or not at all; a crash may leave both, never neither. Replaces `to`. Rejects `not_found`. */
  move(from: ObjectKey, to: ObjectKey): Promise<void>;

  /**
   * Deletes objects and growing objects; a missing key is a success. Resolves to the keys that failed, with why.
   * Not durable: after a power loss a deleted object may be there again.
   */
  delete(keys: readonly ObjectKey[]): Promise<ReadonlyMap<ObjectKey, StorageError>>;

  /**
   * Removes the folder `prefix` (ends with a slash) and folders below it, as far as they are empty. Only drivers that have folders
   * have it; a missing folder is a success.
   */
  removeEmptyFolders?(prefix: string): Promise<void>;

  /**
   * Keys that begin with `prefix` (text, cut anywhere), ascending by UTF-8 bytes, after `startAfter` (exclusive).
   * Nothing twice. Objects only: growing ones are given by `listGrowing`.
   */
  list(prefix: string, options?: { startAfter?: string }): AsyncIterable<ObjectKey>;

  /** Keys of growing objects, in no order: what is left of uploads, also of crashed processes. */
  listPartial(): AsyncIterable<{ readonly key: ObjectKey; readonly modifiedAt: Date }>;

  /**
   * Removes what crashed processes left of puts; growing objects stay. May take long, and runs beside everything else.
   * Stops early when `signal` is aborted. Only drivers whose puts can leave something have it.
   */
  removeLeftovers?(signal?: AbortSignal): Promise<void>;

  /** A URL from which the object can be read for `seconds` without further authentication; undefined where there is none. */
  presignRead(key: ObjectKey, seconds: number): Promise<string | undefined>;

  /** Rejects when the store cannot be reached or written, with the reason. Cheap: used by `/readyz`. */
  check(): Promise<void>;

  /** Ends all work. Later calls reject `closed`. Idempotent. */
  close(): Promise<void>;
}
