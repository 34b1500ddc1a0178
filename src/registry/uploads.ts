import { randomUUID } from 'node:crypto';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { blobKey, uploadKey } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { claimLost } from '../content/claims.ts';
import { storeThenRecord } from '../content/trash.ts';
import type { Leases } from '../coordination/leases.ts';
import { type Chunk, announcedLength, appendChunk, appendLast, checkPosition, undoneOnFailure } from './append-chunk.ts';
import { createOpenUploads } from './open-uploads.ts';
import type { OpenUpload } from './open-upload.ts';
import { type Admission, type LimitedUpload, noQuotas } from './quotas/admission.ts';
import type { Author } from './author.ts';
import { releaseLeftSpace, wholeUploadId } from './quotas/left-sessions.ts';
import { QuotaExceeded } from './quotas/quota-exceeded.ts';
import { type ReservedBody, reserveBody } from './quotas/reserved-body.ts';
import { type UploadLimits, checkLimits, withinSize } from './upload-limits.ts';
import { untilSuperseded } from './superseded.ts';
import { type Turn, LockTimeout } from '../coordination/keyed-mutex.ts';

/**
 * Upload sessions (distribution-spec, "Pushing blobs"). A session survives a restart of the server: its record is in the metadata
 * store, its bytes are in the blob store, and another process computes the hash again from the bytes.
 */
export interface Uploads {
  /**
   * Begins a session and returns its id. `owner`: the only account that may use it; '' in open mode. Throws TOOMANYREQUESTS if
   * the owner or the address of the author has too many unfinished sessions, and `QuotaExceeded`.
   */
  start(repository: RepositoryName, algorithm: DigestAlgorithm, owner: string, author?: Author): Promise<string>;
  /**
   * Returns the number of bytes received so far. Throws BLOB_UPLOAD_UNKNOWN, also for a session of another repository or
   * owner.
   */
  status(session: UploadSession): Promise<number>;
  /**
   * Appends a chunk and returns the new size of the session. Without `range` the chunk continues at the end of the last one.
   * Throws BLOB_UPLOAD_INVALID (416) for a chunk out of order, and SIZE_INVALID for one with another length than announced,
   * which is dropped. If the connection breaks, the received bytes are kept. Throws BLOB_UPLOAD_INVALID (409) if the request
   * receives nothing while a newer request waits for the session. `signal` is aborted when the client has disconnected: a
   * request that waits for another one then rejects with the reason of the signal.
   */
  append(session: UploadSession, chunk: Chunk, signal?: AbortSignal): Promise<number>;
  /** Returns the digest of the session's bytes, which it reads back only if another process has received them. */
  digest(session: UploadSession, algorithm: DigestAlgorithm): Promise<Digest>;
  /**
   * Appends the last chunk, if any, verifies the digest of all bytes and makes the blob visible in the repository.
   * Durable once resolved. Throws DIGEST_INVALID and ends the session if the bytes have another digest. After any other failure,
   * and after a crash, the client can repeat the request with or without its body.
   */
  finish(session: UploadSession, digest: Digest, lastChunk?: Chunk, signal?: AbortSignal): Promise<void>;
  /** Makes the session one of `repository`. Throws BLOB_UPLOAD_UNKNOWN. */
  retarget(session: UploadSession, repository: RepositoryName): Promise<void>;
  /** Drops the session and its bytes. Throws BLOB_UPLOAD_UNKNOWN. */
  cancel(session: UploadSession): Promise<void>;
  /** Stores a whole blob. Keeps no bytes of it if this fails. */
  put(repository: RepositoryName, digest: Digest, chunk: Chunk, author?: Author): Promise<void>;
  /** Deletes sessions begun before `before` (milliseconds since 1970), oldest first. Returns their number; 0: none is left. */
  expire(before: number): Promise<number>;
  /**
   * Deletes partial objects without a session that were last written before `before` (milliseconds since 1970): a crash left
   * them. Uploads in one request have no session, so `before` must lie before the last bytes of those in progress. With
   * quotas, releases the space that sessions begun before `before` hold without need. Stops early when `signal` is aborted.
   * Resolves to the number of partial objects.
   */
  sweep(before: number, signal?: AbortSignal): Promise<number>;
  /** Closes the files of open sessions. Their bytes stay. */
  close(): Promise<void>;
}

/** A session that a client requests. */
export interface UploadSession extends LimitedUpload {
  readonly owner: string;
}

export interface UploadsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  /** Undefined if no other process serves the same sessions. */
  readonly leases?: Leases | undefined;
  /** Time that a request may receive nothing while a newer request for its session waits. */
  readonly quietMilliseconds?: number;
  /** Largest number of sessions that keep their file open between requests. */
  readonly maxOpenFiles?: number;
  /** Largest numbers of unfinished sessions. Default: no limits. */
  readonly limits?: UploadLimits | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
}

export function createUploads(options: UploadsOptions): Uploads {
  const { driver, metadata, now, leases, quietMilliseconds = 2_000, maxOpenFiles = 256, limits, admission = noQuotas } = options;
  const open = createOpenUploads({ driver, leases, maxOpenFiles });

  async function algorithmOf({ id, repository, owner }: UploadSession): Promise<DigestAlgorithm> {
    const record = await metadata.uploads.find(id);
    if (record?.repository !== repository || record.owner !== owner)
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
    return record.algorithm;
  }

  /** Opens the session and runs `work` while no other request works on it. */
  function within<Result>(
    session: UploadSession,
    work: (upload: OpenUpload, turn: Turn) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const opened = async (turn: Turn) => {
      const algorithm = await algorithmOf(session);
      return work(await open.get(session.id, algorithm), turn);
    };
    return open.exclusively(session.id, opened, signal);
  }

  /** Returns the chunk with a body that throws `Superseded` if it makes no progress while a newer request waits. */
  function unlessSuperseded({ wanted }: Turn, chunk: Chunk): Chunk {
    return { ...chunk, body: untilSuperseded(chunk.body, wanted, quietMilliseconds) };
  }

  async function drop(id: string): Promise<void> {
    await open.abort(id);
    await metadata.uploads.remove(id);
  }

  async function unlessBusy(id: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await open.exclusively(id, work);
      return true;
    } catch (error) {
      if (error instanceof LockTimeout) return false;
      throw error;
    }
  }

  /**
   * Appends a chunk with `append`, and holds space for it before. Settles what the session holds if that fails, and with
   * `settles` in any case. A session without room for its bytes ends.
   */
  async function appendReserved(
    session: UploadSession,
    upload: OpenUpload,
    sent: Chunk,
    settles: boolean,
    append: (chunk: Chunk) => Promise<void>,
  ): Promise<void> {
    const chunk = withinSize(sent, upload.sizeBytes, limits);
    if (!admission.isLimited) return append(chunk);
    let isStored = false;
    let settle: ReservedBody['settle'] = () => Promise.resolve();
    try {
      checkPosition(upload, chunk);
      const reserved = await reserveBody(admission, session, {
        body: chunk.body,
        storedBytes: upload.sizeBytes,
        length: announcedLength(chunk),
      });
      settle = reserved.settle;
      await append({ ...chunk, body: reserved.body });
      isStored = true;
    } catch (error) {
      if (error instanceof QuotaExceeded) await drop(session.id);
      throw error;
    } finally {
      if (settles || !isStored) await settle(upload.sizeBytes).catch(() => undefined);
    }
  }

  async function commit(upload: OpenUpload, { id, repository, author }: LimitedUpload, digest: Digest): Promise<void> {
    const actual = await upload.digest(digestAlgorithm(digest));
    if (actual !== digest) {
      throw new OciError('DIGEST_INVALID', {
        message: `the content's digest is ${actual}, not ${digest}`,
        detail: { actual, digest },
      });
    }
    const { sizeBytes } = upload;
    const recordAs = async (claimant: string) =>
      (await metadata.blobs.commit(repository, digest, sizeBytes, id, now(), claimant, admission.isLimited)) || claimLost;
    await storeThenRecord(
      { driver, metadata, now },
      {
        digest,
        store: () => upload.publish(blobKey(digest)),
        record: (claimant) => admission.admit(repository, () => recordAs(claimant), author),
      },
    );
    open.forget(id);
    // The blob is recorded, which ends the session: `sweep` deletes the partial object if that fails here.
    await upload
      .abort()
      .catch(() => upload.close())
      .catch(() => undefined);
  }

  return {
    async start(repository, algorithm, owner, author) {
      const address = author?.address ?? '';
      await checkLimits(metadata, limits, owner, address);
      // A quota without room for a single byte refuses the upload before it begins.
      await admission.makeRoom(repository, '', 1, author);
      const id = randomUUID();
      await metadata.uploads.create(id, repository, algorithm, now(), owner, address);
      return id;
    },

    async status(session) {
      await algorithmOf(session);
      return open.sizeOf(session.id);
    },

    append: (session, chunk, signal) =>
      within(
        session,
        async (upload, turn) => {
          await appendReserved(session, upload, unlessSuperseded(turn, chunk), true, (reserved) =>
            undoneOnFailure(upload, turn, signal, () => appendChunk(upload, reserved)),
          );
          return upload.sizeBytes;
        },
        signal,
      ),

    digest: (session, algorithm) => within(session, (upload) => upload.digest(algorithm)),

    finish: (session, digest, lastChunk, signal) =>
      within(
        session,
        async (upload, turn) => {
          if (lastChunk) {
            await appendReserved(session, upload, unlessSuperseded(turn, lastChunk), false, (reserved) =>
              undoneOnFailure(upload, turn, signal, () => appendLast(upload, reserved, digest)),
            );
          }
          try {
            await commit(upload, session, digest);
          } catch (error) {
            if (error instanceof OciError) await drop(session.id);
            throw error;
          }
        },
        signal,
      ),

    retarget: (session, repository) => within(session, () => metadata.uploads.retarget(session.id, repository)),

    cancel: (session) => within(session, () => drop(session.id)),

    put: (repository, digest, sent, author) => {
      const id = admission.isLimited ? wholeUploadId() : randomUUID();
      const session: LimitedUpload = { id, repository, author };
      return open.privately(id, async () => {
        const algorithm = digestAlgorithm(digest);
        const chunk = withinSize(sent, 0, limits);
        const heldBytes = announcedLength(chunk) ?? 0;
        // Only with quotas: else no session is needed, because nothing is counted.
        await admission.begin(session, algorithm, heldBytes);
        try {
          const upload = await open.begin(id, algorithm);
          const announced = { body: chunk.body, storedBytes: 0, length: announcedLength(chunk), heldBytes };
          const { body } = await reserveBody(admission, session, announced);
          await appendChunk(upload, { ...chunk, body });
          await commit(upload, session, digest);
        } catch (error) {
          await open.abort(id);
          if (admission.isLimited) await metadata.uploads.remove(id);
          throw error;
        }
      });
    },

    async expire(before) {
      const ids = await metadata.uploads.listStartedBefore(before, 1000);
      let dropped = 0;
      for (const id of ids) if (await unlessBusy(id, () => drop(id))) dropped++;
      return dropped;
    },

    async sweep(before, signal) {
      if (admission.isLimited)
        await releaseLeftSpace({ metadata, isBusy: open.isBusy, unlessBusy, drop, storedBytes: open.sizeOf }, before);
      let swept = 0;
      for await (const { key, modifiedAt } of driver.listPartial()) {
        if (signal?.aborted) break;
        const id = key.slice(key.lastIndexOf('/') + 1);
        if (modifiedAt.getTime() > before || key !== uploadKey(id) || open.isBusy(id)) continue;
        if (await metadata.uploads.find(id)) continue;
        await driver.delete([key]);
        swept++;
      }
      return swept;
    },

    close: () => open.close(),
  };
}
