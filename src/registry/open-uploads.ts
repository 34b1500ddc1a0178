import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { uploadKey } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import type { Lease, Leases } from '../coordination/leases.ts';
import { type HashedBytes, type OpenUpload, extend, hashing, startHash } from './open-upload.ts';
import { type Turn, createKeyedMutex } from '../coordination/keyed-mutex.ts';

/**
 * A cache of the upload sessions that this process has opened; other sessions are opened from the store. If several processes
 * serve the same sessions, a session is open only during a request, and the cache keeps its hash.
 */
export interface OpenUploads {
  /**
   * Runs `work` when no other work runs on the session, in any process. Rejects `LockTimeout`, or with the reason of `signal`
   * if that is aborted before.
   */
  exclusively<Result>(id: string, work: (turn: Turn) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** Runs `work` on a session that no other process knows. */
  privately<Result>(id: string, work: () => Promise<Result>): Promise<Result>;
  /** Returns the session, opened if necessary. Call it within `exclusively`. */
  get(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /** Opens a new session, which has no bytes. */
  begin(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /**
   * Returns the number of bytes received so far. Waits two seconds for a request that works on the session; after that the
   * number may still grow.
   */
  sizeOf(id: string): Promise<number>;
  /** True while a request of this process works on the session, or waits for it. */
  isBusy(id: string): boolean;
  /** Deletes the bytes of the session. */
  abort(id: string): Promise<void>;
  /** Removes a session that has ended from the cache. */
  forget(id: string): void;
  /** Closes all sessions. */
  close(): Promise<void>;
}

/** Time without a request after which a session is closed. Its next request opens it again. */
const idleMilliseconds = 60_000;

/** Longer than storing the last received bytes takes after the client has disconnected. */
const settleMilliseconds = 2_000;

const lockOf = (id: string): string => `upload:${id}`;

interface Entry {
  upload?: Promise<OpenUpload> | undefined;
  hashed?: HashedBytes | undefined;
  idleSince: number;
}

export interface OpenUploadsOptions {
  readonly driver: BlobDriver;
  /** Undefined if no other process serves the same sessions. */
  readonly leases: Leases | undefined;
  /** Largest number of sessions that keep their file open between requests. The longest idle one is closed first. */
  readonly maxOpenFiles: number;
}

export function createOpenUploads({ driver, leases, maxOpenFiles }: OpenUploadsOptions): OpenUploads {
  const mutex = createKeyedMutex(leases);
  const entries = new Map<string, Entry>();
  const held = new Map<string, Lease>();
  /** Sessions with an open file and without a request, the longest idle one first. */
  const idle = new Set<string>();
  const timer = setInterval(closeIdle, idleMilliseconds).unref();

  function closeIdle(): void {
    for (const [id, entry] of entries) {
      if (mutex.isLocked(lockOf(id)) || performance.now() - entry.idleSince < idleMilliseconds) continue;
      forget(id);
      void entry.upload?.then((upload) => upload.close()).catch(() => undefined);
    }
  }

  function forget(id: string): void {
    entries.delete(id);
    idle.delete(id);
  }

  /** Closes the longest idle session if too many have an open file. Keeps its hash. */
  function closeSurplus(): void {
    const [oldest] = idle;
    if (oldest === undefined || idle.size <= maxOpenFiles) return;
    idle.delete(oldest);
    if (!mutex.isLocked(lockOf(oldest))) void mutex.lockLocal(lockOf(oldest), () => closeFile(oldest)).catch(() => undefined);
  }

  async function closeFile(id: string): Promise<void> {
    const entry = entries.get(id);
    const upload = await entry?.upload;
    if (!entry || !upload) return;
    entries.delete(id);
    await upload.close();
    entries.set(id, { hashed: upload.hashed, idleSince: entry.idleSince });
  }

  function keep(id: string, upload: Promise<OpenUpload>): Promise<OpenUpload> {
    entries.set(id, { upload, idleSince: performance.now() });
    upload.catch(() => entries.delete(id));
    return upload;
  }

  async function open(id: string, algorithm: DigestAlgorithm, hashed: HashedBytes | undefined): Promise<OpenUpload> {
    const lease = held.get(id);
    const assertHeld = lease && (() => lease.assertHeld());
    let copied = startHash(algorithm);
    const onCopied = (chunk: Uint8Array) => void (copied = extend(copied, chunk));
    const appender = await driver.openAppender(uploadKey(id), { resume: 'ifStored', assertHeld, onCopied });
    return hashing(appender, { algorithm, hashed: copied.sizeBytes > 0 ? copied : hashed, ...(assertHeld && { assertHeld }) });
  }

  /** Closes the session, so that other processes find all bytes in the store. Keeps its hash. */
  async function closeKeepingHash(id: string, lease: Lease): Promise<void> {
    const upload = await entries.get(id)?.upload;
    if (!upload) return;
    await upload.close();
    lease.assertHeld();
    entries.set(id, { hashed: upload.hashed, idleSince: performance.now() });
  }

  async function leased<Result>(id: string, lease: Lease, work: () => Promise<Result>): Promise<Result> {
    held.set(id, lease);
    try {
      const result = await work();
      await closeKeepingHash(id, lease);
      return result;
    } catch (error) {
      const entry = entries.get(id);
      entries.delete(id);
      await entry?.upload?.then((upload) => upload.close()).catch(() => undefined);
      throw error;
    } finally {
      held.delete(id);
    }
  }

  function touch(id: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    entry.idleSince = performance.now();
    idle.delete(id);
    if (!entry.upload) return;
    idle.add(id);
    closeSurplus();
  }

  return {
    exclusively: (id, work, signal) =>
      mutex
        .lock(lockOf(id), (turn) => (turn.lease ? leased(id, turn.lease, () => work(turn)) : work(turn)), { signal })
        .finally(() => touch(id)),

    privately: (id, work) => mutex.lockLocal(lockOf(id), work),

    get: (id, algorithm) => {
      const entry = entries.get(id);
      return entry?.upload ?? keep(id, open(id, algorithm, entry?.hashed));
    },

    begin: (id, algorithm) =>
      keep(
        id,
        driver.openAppender(uploadKey(id), { resume: false }).then((appender) => hashing(appender, { algorithm })),
      ),

    async sizeOf(id) {
      await mutex.untilIdle(lockOf(id), settleMilliseconds);
      const upload = await entries.get(id)?.upload;
      if (upload) return upload.sizeBytes;
      return (await unlessMissing(driver.inProgressBytes(uploadKey(id)))) ?? 0;
    },

    isBusy: (id) => mutex.isLocked(lockOf(id)),

    async abort(id) {
      const upload = entries.get(id)?.upload;
      forget(id);
      await (await upload)?.abort();
      await driver.delete([uploadKey(id)]);
    },

    forget,

    async close() {
      clearInterval(timer);
      const open = [...entries.values()];
      entries.clear();
      idle.clear();
      await Promise.allSettled(open.map(async ({ upload }) => (await upload)?.close()));
    },
  };
}
