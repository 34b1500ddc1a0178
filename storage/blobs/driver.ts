import type { Digest } from '../../src/oci/digest.ts';

/**
 * THE CONTRACT of a blob driver: what berth guarantees about bytes follows from it. `test/contract/blob-driver.ts` tests it for
 * every driver and every wrapper.
 *
 * Drivers do not log or count: wrappers do. They retry only requests that their protocol tells clients to retry (S3).
 */

/** The key of an object, made by `objectKey`. */
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

/** The only error that drivers reject with. `cause` is the error of the operating system or of the server. */
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
 * No key is the folder of another key: `layout.ts` makes no such keys. Throws `invalid_key`.
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

/** `object`: a file, or an object of a bucket. `symlink` and `other` (sockets, devices) are in folders only. */
export type StoredEntryKind = 'object' | 'symlink' | 'other';

/** Something that the store holds, whoever has written it. */
export interface StoredEntry {
  /** Any text: a foreign object need not have a valid key. */
  readonly path: string;
  readonly kind: StoredEntryKind;
  /** That of the link itself for `symlink`. */
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** An object opened for reading. The caller closes it, also after a failure. */
export interface OpenObject {
  /** Size of the whole object. */
  readonly sizeBytes: number;
  /** The bytes that `stream` yields: the requested range, cut at the end of the object, or the whole object. */
  readonly range: ByteRange;
  /**
   * The open file of an object that is a file, for positional reads and sendfile(2) until `close`. It stays readable after the
   * object is deleted.
   */
  readonly fileDescriptor?: number;
  /**
   * Yields the bytes of `range` in order. May be called once. Chunks may be reused buffers: use each before requesting the
   * next.
   */
  stream(): AsyncIterable<Uint8Array>;
  /** Closes the object and ends a running `stream`. Idempotent. */
  close(): Promise<void>;
}

export interface OpenAppenderOptions {
  /** False: begin with no bytes. True: continue after the last append. `ifStored`: continue, or begin if there is nothing. */
  readonly resume: boolean | 'ifStored';
  /** Throws if another process may have taken over the upload. Called before each change of the store. */
  readonly assertHeld?: (() => void) | undefined;
  /** Receives every byte of the partial object, in order, if opening copies it. Chunks may be reused buffers. */
  readonly onCopied?: ((chunk: Uint8Array) => void) | undefined;
}

/**
 * Appends to a partial object: the bytes of an upload in progress, invisible to `stat`, `read` and `list` until `commit`.
 * One process appends at a time: callers hold a lock on the upload session. A process that has lost the lock without
 * noticing cannot change bytes that another process has taken over: its `close` and `commit` reject `unavailable`.
 */
export interface Appender {
  /** Number of bytes stored so far. On resume the driver reads it from the store. */
  readonly sizeBytes: number;
  /** Digest of exactly the stored bytes, if the last append gave it and the store keeps digests. */
  readonly knownDigest: Digest | undefined;
  /**
   * Appends everything that `source` yields, in order, and resolves to the number of bytes it appended.
   * When `source` fails, everything that it yielded before is stored. When the store fails, the first `sizeBytes` bytes are
   * stored, without a gap.
   * The appender owns the chunks: the source must not reuse their memory.
   * Calls `digestOf` at the end for the digest of all `sizeBytes` bytes, if it is known; a driver may store it.
   */
  append(source: AsyncIterable<Uint8Array>, digestOf?: (sizeBytes: number) => Digest | undefined): Promise<number>;
  /** Keeps only the first `sizeBytes` bytes; drops, for example, the bytes of a rejected chunk. */
  truncate(sizeBytes: number): Promise<void>;
  /** Yields the stored bytes, to be hashed again after the process with the hash has ended. */
  readBack(): AsyncIterable<Uint8Array>;
  /** Closes files and keeps the bytes for a later resume. Idempotent. */
  close(): Promise<void>;
  /**
   * Makes the object visible at `to`, complete and durable once resolved (survives power loss). Replaces an object there,
   * which may be damaged. The partial object stays, so that it can be published again, also after a crash; `abort` deletes it
   * and leaves the object. Later appends do not change the object.
   * After a failure the caller can retry or call `abort`. Drops bytes that may not be durable: then `sizeBytes` is 0.
   */
  publish(to: ObjectKey): Promise<void>;
  /** Publishes the object and deletes the partial object. After a failure the caller can retry or call `abort`. */
  commit(to: ObjectKey): Promise<void>;
  /** Deletes the partial object. Idempotent; does nothing after `commit`. */
  abort(): Promise<void>;
}

export interface PutOptions {
  /** Default: false. */
  readonly ifAbsent?: boolean;
  /** Default: true. Not together with `ifAbsent`. */
  readonly isDurable?: boolean;
}

export interface DriverCapabilities {
  /** True if `put(…, { ifAbsent: true })` is atomic among all writers, in every process. */
  readonly atomicIfAbsent: boolean;
  /** True if `presignRead` resolves to URLs. */
  readonly presignedReads: boolean;
  /** True if each operation is a request to another machine: it takes milliseconds, may cost money, and can fail. */
  readonly remote: boolean;
}

export interface BlobDriver {
  readonly name: string;
  readonly capabilities: DriverCapabilities;

  /** Returns size and time of the last change. Rejects `not_found`. Sees every write that has resolved, in any process. */
  stat(key: ObjectKey): Promise<ObjectStat>;

  /**
   * Opens an object. Rejects `not_found`, and `range_not_satisfiable` for a range that begins at or beyond the end; the stream
   * never has these errors.
   */
  read(key: ObjectKey, range?: ByteRange): Promise<OpenObject>;

  /**
   * Writes a small object at once. Atomic: readers see the old or the new bytes, never a mix. Durable once resolved; with
   * `isDurable: false` a power loss within the next minute may leave the old object, none or an empty one, which is much cheaper
   * for drivers that store files. With `ifAbsent` rejects `already_exists` if there is an object, and leaves it.
   */
  put(key: ObjectKey, bytes: Uint8Array, options?: PutOptions): Promise<void>;

  /**
   * Opens the partial object `key`. `resume: false` begins with no bytes and drops what was stored; `resume: true` continues
   * after the last append of any process, and rejects `not_found` if there is no partial object; `ifStored` begins one then.
   */
  openAppender(key: ObjectKey, options: OpenAppenderOptions): Promise<Appender>;

  /** Returns the size of the partial object `key` in bytes, also while a process appends to it. Rejects `not_found`. */
  inProgressBytes(key: ObjectKey): Promise<number>;

  /**
   * Moves a file of this machine to the object `to`, complete and durable once resolved; replaces an object there. Deletes a
   * file that cannot be synced. Rejects `unavailable` for a file on another file system. Only drivers that store files have
   * it; with other drivers the caller appends the bytes.
   */
  adoptFile?(path: string, to: ObjectKey): Promise<void>;

  /**
   * Moves an object; replaces `to`, atomically. After a crash both may exist, never neither. Rejects `not_found`. With
   * `isDurable: false` the object may be back at `from` after a power loss.
   */
  move(from: ObjectKey, to: ObjectKey, options?: { isDurable?: boolean }): Promise<void>;

  /**
   * Deletes objects and partial objects; a missing key is a success. Resolves to the keys that failed, with the reasons.
   * Not durable: after a power loss a deleted object may exist again.
   */
  delete(keys: readonly ObjectKey[]): Promise<ReadonlyMap<ObjectKey, StorageError>>;

  /**
   * The same for objects only. `assertHeld` throws when another process may have taken the deletion over: it is called right
   * before each request, also when one is repeated, and what it throws is a rejection.
   */
  deleteObjects(keys: readonly ObjectKey[], assertHeld: () => void): Promise<ReadonlyMap<ObjectKey, StorageError>>;

  /**
   * Deletes the folder `prefix` (ends with a slash) and folders below it if they are empty. Only drivers with folders have it; a
   * missing folder is a success.
   */
  removeEmptyFolders?(prefix: string): Promise<void>;

  /**
   * Yields the keys of objects that begin with `prefix` (any text, not only folders), after `startAfter` (exclusive), ascending
   * by UTF-8 bytes, each once. `listPartial` yields partial objects.
   */
  list(prefix: string, options?: { startAfter?: string }): AsyncIterable<ObjectKey>;

  /**
   * Yields everything that begins with `prefix`, also what has no valid key, after `startAfter` (exclusive), ascending by bytes,
   * each once, with its size and time. Does not follow symbolic links below the prefix. `listPartial` yields partial objects.
   */
  listEntries(prefix: string, options?: { startAfter?: string }): AsyncIterable<StoredEntry>;

  /** Yields the keys of partial objects, also those of crashed processes, in no order. */
  listPartial(): AsyncIterable<{ readonly key: ObjectKey; readonly modifiedAt: Date }>;

  /**
   * Deletes temporary files of crashed processes; partial objects stay. May take long, and runs beside other operations.
   * Stops early when `signal` is aborted. Only drivers with temporary files have it.
   */
  removeLeftovers?(signal?: AbortSignal): Promise<void>;

  /** Returns a URL for reading the object without authentication for `seconds`; undefined if the driver makes none. */
  presignRead(key: ObjectKey, seconds: number): Promise<string | undefined>;

  /**
   * Resolves to whether the store keeps old versions of deleted objects, at least of older ones, so that a deletion may free no
   * space yet; undefined if the store does not say. Without this function a deletion frees space at once.
   */
  keepsVersions?(): Promise<boolean | undefined>;

  /** Rejects with the reason if the store cannot be reached or written. Cheap: used by `/readyz`. */
  check(): Promise<void>;

  /** Closes the driver: later calls reject `closed`. Idempotent. */
  close(): Promise<void>;
}
