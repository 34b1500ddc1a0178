import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { uploadKey } from '../../storage/blobs/layout.ts';
import { unlessMissing } from '../../storage/blobs/missing.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import type { Lease, Leases } from '../coordination/leases.ts';
import { type HashedBytes, type OpenUpload, extend, hashing, startHash } from './open-upload.ts';
import { type Turn, createKeyedMutex } from '../coordination/keyed-mutex.ts';

/**
 * The sessions that this process has at hand. It is only a cache: a session that is not here is opened again from the
 * store. Where several processes serve, a session is open only during a request, and what stays here is its hash.
 */
export interface OpenUploads {
  /**
   * Runs `work` when no other work runs on the session, in any process. Rejects `TurnNotGiven`, or with the reason of
   * `signal` when that is aborted before the turn comes.
   */
  exclusively<Result>(id: string, work: (turn: Turn) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** The same for a session that no other process knows of. */
  privately<Result>(id: string, work: () => Promise<Result>): Promise<Result>;
  /** The session, opened where it is not. A session without bytes begins empty. Within `exclusively`. */
  get(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /** A session that certainly has no bytes yet. */
  begin(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /**
   * Bytes received so far. A request that works on the session is waited for, for a moment: after that the number is only
   * what has come until now.
   */
  sizeOf(id: string): Promise<number>;
  /** True while a request of this process works on the session, or waits for it. */
  isBusy(id: string): boolean;
  /** Drops the session's bytes. */
  abort(id: string): Promise<void>;
  /** Lets go of a session that has ended. */
  forget(id: string): void;
  /** Releases every session. */
  close(): Promise<void>;
}

/** An open session holds a file; one that rests longer than this is opened again when its client returns. */
const restMilliseconds = 60_000;

/** Longer than from the end of a client's connection to the last byte in the store. */
const settleMilliseconds = 2_000;

const turnOf = (id: string): string => `upload:${id}`;

interface Entry {
  upload?: Promise<OpenUpload> | undefined;
  hashed?: HashedBytes | undefined;
  restingSince: number;
}

export interface OpenUploadsOptions {
  readonly driver: BlobDriver;
  /** Where other processes serve the same sessions. */
  readonly leases: Leases | undefined;
  /** Sessions that keep their file open between requests: the one that has rested longest is closed first. */
  readonly maxOpenFiles: number;
}

export function createOpenUploads({ driver, leases, maxOpenFiles }: OpenUploadsOptions): OpenUploads {
  const mutex = createKeyedMutex(leases);
  const entries = new Map<string, Entry>();
  const held = new Map<string, Lease>();
  /** Sessions with an open file on which no request works, the longest resting one first. */
  const resting = new Set<string>();
  const timer = setInterval(closeResting, restMilliseconds).unref();

  function closeResting(): void {
    for (const [id, entry] of entries) {
      if (mutex.isLocked(turnOf(id)) || performance.now() - entry.restingSince < restMilliseconds) continue;
      forget(id);
      void entry.upload?.then((upload) => upload.close()).catch(() => undefined);
    }
  }

  function forget(id: string): void {
    entries.delete(id);
    resting.delete(id);
  }

  /** Closes the session that has rested longest when too many rest with an open file. Its hash is kept. */
  function closeSurplus(): void {
    const [oldest] = resting;
    if (oldest === undefined || resting.size <= maxOpenFiles) return;
    resting.delete(oldest);
    if (!mutex.isLocked(turnOf(oldest))) void mutex.lockLocal(turnOf(oldest), () => closeFile(oldest)).catch(() => undefined);
  }

  async function closeFile(id: string): Promise<void> {
    const entry = entries.get(id);
    const upload = await entry?.upload;
    if (!entry || !upload) return;
    entries.delete(id);
    await upload.close();
    entries.set(id, { hashed: upload.hashed, restingSince: entry.restingSince });
  }

  function keep(id: string, upload: Promise<OpenUpload>): Promise<OpenUpload> {
    entries.set(id, { upload, restingSince: performance.now() });
    upload.catch(() => entries.delete(id));
    return upload;
  }

  async function open(id: string, algorithm: DigestAlgorithm, hashed: HashedBytes | undefined): Promise<OpenUpload> {
    const lease = held.get(id);
    const assertHeld = lease && (() => lease.assertHeld());
    let copied = startHash(algorithm);
    const onCopied = (chunk: Uint8Array) => void (copied = extend(copied, chunk));
    const appender =
      (await unlessMissing(driver.openAppender(uploadKey(id), { resume: true, assertHeld, onCopied }))) ??
      (await driver.openAppender(uploadKey(id), { resume: false, assertHeld }));
    return hashing(appender, { algorithm, hashed: copied.sizeBytes > 0 ? copied : hashed, ...(assertHeld && { assertHeld }) });
  }

  /** Closes the session, so that another process finds every byte in the store; its hash is kept. */
  async function rest(id: string, lease: Lease): Promise<void> {
    const upload = await entries.get(id)?.upload;
    if (!upload) return;
    await upload.close();
    lease.assertHeld();
    entries.set(id, { hashed: upload.hashed, restingSince: performance.now() });
  }

  async function leased<Result>(id: string, lease: Lease, work: () => Promise<Result>): Promise<Result> {
    held.set(id, lease);
    try {
      const result = await work();
      await rest(id, lease);
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
    entry.restingSince = performance.now();
    resting.delete(id);
    if (!entry.upload) return;
    resting.add(id);
    closeSurplus();
  }

  return {
    exclusively: (id, work, signal) =>
      mutex
        .lock(turnOf(id), (turn) => (turn.lease ? leased(id, turn.lease, () => work(turn)) : work(turn)), { signal })
        .finally(() => touch(id)),

    privately: (id, work) => mutex.lockLocal(turnOf(id), work),

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
      await mutex.untilIdle(turnOf(id), settleMilliseconds);
      const upload = await entries.get(id)?.upload;
      if (upload) return upload.sizeBytes;
      return (await unlessMissing(driver.inProgressBytes(uploadKey(id)))) ?? 0;
    },

    isBusy: (id) => mutex.isLocked(turnOf(id)),

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
      resting.clear();
      await Promise.allSettled(open.map(async ({ upload }) => (await upload)?.close()));
    },
  };
}
