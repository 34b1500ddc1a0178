import type { DatedAuthor } from '../../../storage/metadata/queries/steps/events.ts';
import { type Excess, QuotaRefusal } from '../../../storage/metadata/queries/steps/quotas.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest, DigestAlgorithm } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { QuotaExceeded } from './quota-exceeded.ts';
import { yieldTrash } from './yielding.ts';

/** The client that pushes, for events. */
export type Pusher = Omit<DatedAuthor, 'at'>;

/** Lets content into a repository if its quotas have room for it. */
export interface Admission {
  /** False if no quota is configured: no method makes a request to the metadata store then. */
  readonly isLimited: boolean;
  /**
   * Runs a write of the metadata store that adds to the repository. If a quota has no room for it, the oldest trash of the
   * quota is deleted and the write runs again. Throws `QuotaExceeded`, and the write has changed nothing.
   */
  admit<Result>(repository: RepositoryName, write: () => Promise<Result>, author?: Pusher): Promise<Result>;
  /**
   * Makes room for content before its bytes are stored, unless the quotas have the digest already ('' if unknown). Throws
   * `QuotaExceeded`. The room is not held.
   */
  makeRoom(repository: RepositoryName, digest: Digest | '', sizeBytes: number, author?: Pusher): Promise<void>;
  /** Makes the session hold `sizeBytes` altogether. Throws `QuotaExceeded`; without `mayYield` the trash is left alone. */
  hold(session: LimitedUpload, sizeBytes: number, mayYield?: boolean): Promise<void>;
  /** Begins a session for an upload in one request, which holds `sizeBytes`. Throws `QuotaExceeded`. */
  begin(session: LimitedUpload, algorithm: DigestAlgorithm, sizeBytes: number): Promise<void>;
  /** Releases what the session holds above the bytes that it has stored. */
  settle(session: LimitedUpload, sizeBytes: number): Promise<void>;
}

/** An upload session whose bytes count. */
export interface LimitedUpload {
  readonly id: string;
  readonly repository: RepositoryName;
  /** The client whose request stores bytes. */
  readonly author?: Pusher | undefined;
}

export interface AdmissionEvents {
  /** A push was refused. */
  readonly exceeded: (excess: Excess, repository: RepositoryName, author: Pusher | undefined) => void;
  /** The trash has deleted manifests for good to make room. */
  readonly yielded: (manifests: number) => void;
}

export interface AdmissionOptions {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly events: AdmissionEvents;
  /** Called after each change of content. */
  readonly changed?: (() => void) | undefined;
}

/** For a registry without quotas. */
export const noQuotas: Admission = {
  isLimited: false,
  admit: (_repository, write) => write(),
  makeRoom: () => Promise.resolve(),
  hold: () => Promise.resolve(),
  begin: () => Promise.resolve(),
  settle: () => Promise.resolve(),
};

/** Other pushes can take the room that the trash has made; after so many times the push is refused. */
const maxYields = 5;

export function createAdmission({ metadata, now, events, changed }: AdmissionOptions): Admission {
  const yielding = {
    metadata,
    now,
    onYielded(manifests: number) {
      events.yielded(manifests);
      changed?.();
    },
  };

  async function admit<Result>(
    repository: RepositoryName,
    write: () => Promise<Result>,
    author: Pusher | undefined,
    mayYield = true,
  ): Promise<Result> {
    for (let yields = 0; ;) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof QuotaRefusal)) throw error;
        const { reason } = error;
        if (reason.kind === 'unlisted') await metadata.quotaMembers.enlist(repository);
        else if (reason.kind !== 'exceeded') throw error;
        else if (!mayYield) throw new QuotaExceeded(reason.excess);
        else if (yields++ === maxYields || !(await yieldTrash(yielding, reason.excess, author))) {
          events.exceeded(reason.excess, repository, author);
          throw new QuotaExceeded(reason.excess);
        }
      }
    }
  }

  return {
    isLimited: true,
    admit: (repository, write, author) => admit(repository, write, author),

    makeRoom(repository, digest, sizeBytes, author) {
      const look = async () => {
        const excess = await metadata.quotaReservations.findObstacle(repository, digest, sizeBytes);
        if (excess) throw new QuotaRefusal({ kind: 'exceeded', excess });
      };
      return admit(repository, look, author);
    },

    hold: ({ id, repository, author }, sizeBytes, mayYield) =>
      admit(repository, () => metadata.quotaReservations.hold(id, repository, sizeBytes), author, mayYield),

    begin: ({ id, repository, author }, algorithm, sizeBytes) =>
      admit(repository, () => metadata.quotaReservations.begin(id, repository, algorithm, now(), sizeBytes), author),

    settle: ({ id }, sizeBytes) => metadata.quotaReservations.settle(id, sizeBytes),
  };
}
