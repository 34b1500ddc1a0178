import { randomUUID } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import { OciError } from '../../oci/errors.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { JobProgress, JobRecorder } from '../../progress/job-recorder.ts';
import { archiveTooLarge } from '../archive-error.ts';
import { type CommitOptions, type CommitRequest, type CommittedTag, commitArchive } from './commit.ts';
import type { Compression } from './compression.ts';
import type { ArchiveLimits } from './limits.ts';
import type { ArchivePlan, ArchiveSummary, StagedArchive } from './plan.ts';
import { type ReceiveOptions, receiveArchive } from './receive.ts';
import type { Sender } from './staging.ts';

/** Images from files: an archive is received, shown, and committed with targets. */
export interface ArchiveImports {
  /**
   * Receives an archive and returns it with its images; nothing refers to them yet. `sizeBytes`: of the source, if it is known.
   * Throws MANIFEST_INVALID, SIZE_INVALID (413), what pushes throw, and what the source throws: then nothing is left.
   */
  receive(source: AsyncIterable<Uint8Array>, sender: Sender, options?: ImportOptions): Promise<StagedArchive>;
  /** Lists the archives of the account that wait for their commit, newest first, at most 100. */
  list(owner: string): Promise<readonly ArchiveSummary[]>;
  /** Returns an archive of the account. Throws BLOB_UPLOAD_UNKNOWN. */
  find(id: string, owner: string): Promise<StagedArchive>;
  /** Stores images of the archive and forgets it. Throws what pushes throw; then no tag has changed. */
  commit(request: CommitRequest): Promise<readonly CommittedTag[]>;
  /** Drops an archive of the account with its content. Throws BLOB_UPLOAD_UNKNOWN. */
  cancel(id: string, owner: string): Promise<void>;
}

export interface ImportOptions {
  /** Default: as an OCI layout has them, and gzip for archives without manifests. */
  readonly compression?: Compression | undefined;
  readonly sizeBytes?: number | undefined;
  /** As the client names the file; its first 200 characters are shown. */
  readonly fileName?: string | undefined;
}

export interface ArchiveImportsOptions extends CommitOptions {
  readonly uploads: ReceiveOptions['uploads'] & CommitOptions['uploads'];
  readonly metadata: Pick<MetadataStore, 'archives'>;
  readonly limits: ArchiveLimits;
  /** True if content of the repository comes from an upstream only. */
  readonly isMirrored: (repository: RepositoryName) => Promise<boolean>;
  /** Records uploads, so that their accounts can follow them. */
  readonly recorder: JobRecorder;
  /** Time after which an archive without a commit is deleted, in milliseconds. */
  readonly expireAfter: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Archives that a process receives at once: each needs up to 64 MiB of memory. */
const maxAtOnce = 4;
const maxWaiting = 16;
const maxListed = 100;
const longestFileName = 200;

export function createArchiveImports(options: ArchiveImportsOptions): ArchiveImports {
  const { uploads, metadata, limits, isMirrored, expireAfter, recorder, now } = options;
  const admitted = createSemaphore({ maxAtOnce, maxWaiting });

  async function find(id: string, owner: string): Promise<StagedArchive> {
    const record = await metadata.archives.find(id);
    if (record?.owner !== owner)
      throw new OciError('BLOB_UPLOAD_UNKNOWN', {
        message: 'there is no such archive: it was committed, cancelled or has expired',
      });
    return { ...summaryOf(record), plan: JSON.parse(record.plan) as ArchivePlan };
  }

  function summaryOf({ id, repository, startedAt, fileName }: Omit<ArchiveSummary, 'expiresAt'>): ArchiveSummary {
    return { id, repository, fileName, startedAt, expiresAt: startedAt + expireAfter };
  }

  async function refuseMirrored(repositories: Iterable<RepositoryName>): Promise<void> {
    for (const repository of new Set(repositories))
      if (await isMirrored(repository))
        throw new OciError('DENIED', { message: `${repository} is mirrored from an upstream: nothing can be imported into it` });
  }

  /** Ends sessions that are not used: those of images without a target, or of blobs that were stored already. */
  async function forget({ id, repository, plan }: StagedArchive, owner: string): Promise<void> {
    await metadata.archives.remove(id);
    for (const { session } of Object.values(plan.blobs))
      await uploads.cancel({ id: session, repository, owner }).catch(() => undefined);
  }

  return {
    receive: (source, sender, { compression, sizeBytes, fileName = '' } = {}) =>
      admitted(async () => {
        if (sizeBytes !== undefined && sizeBytes > limits.maxBytes)
          throw archiveTooLarge(`the archive has ${sizeBytes} bytes: at most ${limits.maxBytes} are allowed (archives.maxSize)`);
        await refuseMirrored([sender.repository]);
        const { owner, repository } = sender;
        const name = fileName.slice(0, longestFileName);
        const job = { kind: 'upload', owner, subject: name === '' ? repository : name, unit: 'bytes', total: sizeBytes } as const;
        return recorder.track(job, async (progress) => {
          const startedAt = now();
          const plan = await receiveArchive(followed(source, progress), sender, { uploads, limits, compression });
          const record = { id: randomUUID(), repository, startedAt, fileName: name };
          await metadata.archives.create({ ...record, owner, plan: JSON.stringify(plan) });
          progress.setResult(`/ui/upload/${record.id}`);
          return { ...summaryOf(record), plan };
        });
      }),

    list: async (owner) => (await metadata.archives.listOf(owner, maxListed)).map(summaryOf),

    find,

    async commit(request) {
      await refuseMirrored(request.targets.map(({ repository }) => repository));
      const committed = await commitArchive(request, options);
      await forget(request.archive, request.owner);
      return committed;
    },

    async cancel(id, owner) {
      await forget(await find(id, owner), owner);
    },
  };
}

/** Reports how much of the source was read, and ends it when the job is cancelled. */
async function* followed(source: AsyncIterable<Uint8Array>, { report, signal }: JobProgress): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    report((bytes += chunk.length));
    yield chunk;
  }
}
