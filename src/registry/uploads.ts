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
import { type Chunk, appendChunk, appendLast, leavingNothing } from './append-chunk.ts';
import { createOpenUploads } from './open-uploads.ts';
import type { OpenUpload } from './open-upload.ts';
import { type UploadLimits, checkLimits } from './upload-limits.ts';
import { untilSuperseded } from './superseded.ts';
import { type Turn, LockTimeout } from '../coordination/keyed-mutex.ts';

/**
 * Upload sessions (distribution-spec, "Pushing blobs"). A session survives a restart of the server: its record lies in
 * the metadata store, its bytes in the blob store, and the hash is rebuilt from the bytes when the process that kept it
 * is gone.
 */
export interface Uploads {
  /**
   * Begins a session and returns its id. `owner`: whom alone it serves; '' in open mode. `address`: the client's.
   * Throws TOOMANYREQUESTS when the owner or the address has too many unfinished ones.
   */
  start(repository: RepositoryName, algorithm: DigestAlgorithm, owner: string, address?: string): Promise<string>;
  /** Bytes received so far. Throws BLOB_UPLOAD_UNKNOWN, also for a session of another repository or owner. */
  status(session: UploadSession): Promise<number>;
  /**
   * Appends a chunk and returns the session's new size. Without `range` the chunk goes where the last one ended.
   * Throws BLOB_UPLOAD_INVALID (416) out of order, SIZE_INVALID when the chunk is not as long as announced: then it is
   * dropped as a whole. When the client breaks off, what arrived is kept. A request that receives nothing while a newer
   * one waits to change the session ends as BLOB_UPLOAD_INVALID (409). `signal` is aborted when the client is gone: a request
   * that waits for another one is dropped then, with the signal's reason.
   */
  append(session: UploadSession, chunk: Chunk, signal?: AbortSignal): Promise<number>;
  /**
   * Appends the last chunk, if any, verifies the digest of the whole and makes the blob visible in the repository.
   * Durable once resolved. Throws DIGEST_INVALID and ends the session when the bytes are not the digest's. After any
   * other failure, and after a crash, the same request can be repeated, with its body or without.
   */
  finish(session: UploadSession, digest: Digest, lastChunk?: Chunk, signal?: AbortSignal): Promise<void>;
  /** Drops the session and its bytes. Throws BLOB_UPLOAD_UNKNOWN. */
  cancel(session: UploadSession): Promise<void>;
  /** A whole blob in one go: nothing is left of it when it fails. */
  put(repository: RepositoryName, digest: Digest, chunk: Chunk): Promise<void>;
  /** Drops sessions begun before `before` (milliseconds since 1970), oldest first, and returns how many: 0 means none is left. */
  expire(before: number): Promise<number>;
  /**
   * Drops bytes that belong to no session and rest since `before` (milliseconds since 1970): what a crash left. Uploads
   * in one request have no session: those in progress in other processes must have got bytes since then. Stops early
   * when `signal` is aborted. Resolves to the number of uploads.
   */
  sweep(before: number, signal?: AbortSignal): Promise<number>;
  /** Releases what open sessions hold. Their bytes stay. */
  close(): Promise<void>;
}

/** A session as a client names it. */
export interface UploadSession {
  readonly id: string;
  readonly repository: RepositoryName;
  readonly owner: string;
}

export interface UploadsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  /** Where other processes serve the same sessions. */
  readonly leases?: Leases | undefined;
  /** How long a request may receive nothing while a newer one for its session waits. */
  readonly quietMilliseconds?: number;
  /** Sessions that keep their file open between requests. */
  readonly maxOpenFiles?: number;
  /** Unfinished sessions that clients may have. */
  readonly limits?: UploadLimits | undefined;
}

const defaultQuietMilliseconds = 2_000;
const defaultMaxOpenFiles = 256;

export function createUploads(options: UploadsOptions): Uploads {
  const {
    driver,
    metadata,
    now,
    leases,
    quietMilliseconds = defaultQuietMilliseconds,
    maxOpenFiles = defaultMaxOpenFiles,
    limits,
  } = options;
  const open = createOpenUploads({ driver, leases, maxOpenFiles });

  async function algorithmOf({ id, repository, owner }: UploadSession): Promise<DigestAlgorithm> {
    const record = await metadata.uploads.find(id);
    if (record?.repository !== repository || record.owner !== owner)
      throw new OciError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
    return record.algorithm;
  }

  /** Runs `work` with the session opened and no other request in it. */
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

  /** The chunk as this turn may take it: not for longer than it makes progress, once a newer request waits. */
  function during({ wanted }: Turn, chunk: Chunk): Chunk {
    return { ...chunk, body: untilSuperseded(chunk.body, wanted, quietMilliseconds) };
  }

  async function drop(id: string): Promise<void> {
    await open.abort(id);
    await metadata.uploads.remove(id);
  }

  async function dropUnlessBusy(id: string): Promise<boolean> {
    try {
      await open.exclusively(id, () => drop(id));
      return true;
    } catch (error) {
      if (error instanceof LockTimeout) return false;
      throw error;
    }
  }

  async function commit(upload: OpenUpload, repository: RepositoryName, id: string, digest: Digest): Promise<void> {
    const actual = await upload.digest(digestAlgorithm(digest));
    if (actual !== digest) {
      throw new OciError('DIGEST_INVALID', {
        message: `the content's digest is ${actual}, not ${digest}`,
        detail: { actual, digest },
      });
    }
    const { sizeBytes } = upload;
    await storeThenRecord(
      { driver, metadata, now },
      {
        digest,
        store: () => upload.publish(blobKey(digest)),
        record: async (claimant) =>
          (await metadata.blobs.commit(repository, digest, sizeBytes, id, now(), claimant)) || claimLost,
      },
    );
    open.forget(id);
    // The blob is acknowledged by its record. What cannot be removed now belongs to no session: `sweep` finds it.
    await upload
      .abort()
      .catch(() => upload.close())
      .catch(() => undefined);
  }

  return {
    async start(repository, algorithm, owner, address = '') {
      await checkLimits(metadata, limits, owner, address);
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
          await leavingNothing(upload, turn, signal, () => appendChunk(upload, during(turn, chunk)));
          return upload.sizeBytes;
        },
        signal,
      ),

    finish: (session, digest, lastChunk, signal) =>
      within(
        session,
        async (upload, turn) => {
          const { id, repository } = session;
          if (lastChunk) {
            await leavingNothing(upload, turn, signal, () => appendLast(upload, during(turn, lastChunk), digest));
          }
          try {
            await commit(upload, repository, id, digest);
          } catch (error) {
            if (error instanceof OciError) await drop(id);
            throw error;
          }
        },
        signal,
      ),

    cancel: (session) => within(session, () => drop(session.id)),

    put: (repository, digest, chunk) => {
      const id = randomUUID();
      return open.privately(id, async () => {
        const upload = await open.begin(id, digestAlgorithm(digest));
        try {
          await appendChunk(upload, chunk);
          await commit(upload, repository, id, digest);
        } catch (error) {
          await open.abort(id);
          throw error;
        }
      });
    },

    async expire(before) {
      const ids = await metadata.uploads.listStartedBefore(before, 1000);
      let dropped = 0;
      for (const id of ids) if (await dropUnlessBusy(id)) dropped++;
      return dropped;
    },

    async sweep(before, signal) {
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
