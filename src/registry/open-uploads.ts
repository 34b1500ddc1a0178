import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { uploadKey } from '../../storage/blobs/layout.ts';
import type { DigestAlgorithm } from '../oci/digest.ts';
import { type OpenUpload, hashing } from './open-upload.ts';

/**
 * The sessions that this process has at hand. It is only a cache: a session that is not here is opened again from the
 * store. Nothing here is shared between processes.
 */
export interface OpenUploads {
  /** Runs `work` when no other work runs on the session; in the order of the calls. */
  exclusively<Result>(id: string, work: () => Promise<Result>): Promise<Result>;
  /** The session, opened where it is not. A session without bytes begins empty. */
  get(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /** A session that certainly has no bytes yet. */
  begin(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload>;
  /** Drops the session's bytes. */
  abort(id: string): Promise<void>;
  /** Lets go of a session that has ended. */
  forget(id: string): void;
  /** Releases every session. */
  close(): Promise<void>;
}

/** An open session holds a file; one that rests longer than this is opened again when its client returns. */
const restMilliseconds = 60_000;

interface Entry {
  readonly upload: Promise<OpenUpload>;
  restingSince: number;
}

export function createOpenUploads(driver: BlobDriver): OpenUploads {
  const queues = new Map<string, Promise<unknown>>();
  const entries = new Map<string, Entry>();
  const timer = setInterval(closeResting, restMilliseconds).unref();

  function closeResting(): void {
    for (const [id, entry] of entries) {
      if (queues.has(id) || performance.now() - entry.restingSince < restMilliseconds) continue;
      entries.delete(id);
      void entry.upload.then((upload) => upload.close());
    }
  }

  function keep(id: string, upload: Promise<OpenUpload>): Promise<OpenUpload> {
    entries.set(id, { upload, restingSince: performance.now() });
    upload.catch(() => entries.delete(id));
    return upload;
  }

  async function openFromStore(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload> {
    const key = uploadKey(id);
    try {
      return hashing(await driver.openAppender(key, { resume: true }), algorithm);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not_found') return openEmpty(id, algorithm);
      throw error;
    }
  }

  async function openEmpty(id: string, algorithm: DigestAlgorithm): Promise<OpenUpload> {
    return hashing(await driver.openAppender(uploadKey(id), { resume: false }), algorithm);
  }

  return {
    async exclusively(id, work) {
      const mine = (queues.get(id) ?? Promise.resolve()).then(work);
      const settled = mine.catch(() => undefined);
      queues.set(id, settled);
      try {
        return await mine;
      } finally {
        if (queues.get(id) === settled) queues.delete(id);
        const entry = entries.get(id);
        if (entry) entry.restingSince = performance.now();
      }
    },

    get: (id, algorithm) => entries.get(id)?.upload ?? keep(id, openFromStore(id, algorithm)),

    begin: (id, algorithm) => keep(id, openEmpty(id, algorithm)),

    async abort(id) {
      const upload = entries.get(id)?.upload;
      entries.delete(id);
      await (await upload)?.abort();
      await driver.delete([uploadKey(id)]);
    },

    forget: (id) => void entries.delete(id),

    async close() {
      clearInterval(timer);
      const open = [...entries.values()];
      entries.clear();
      await Promise.all(open.map(async ({ upload }) => (await upload).close()));
    },
  };
}
