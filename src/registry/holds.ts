import type { HoldPosition } from '../../storage/metadata/queries/trash/holds.ts';
import type { HoldRecord } from '../../storage/metadata/queries/steps/holds.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { Reference, RepositoryName } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';

export interface NewHold {
  /** Reason why the manifest must not be deleted, shown to users. */
  readonly reason: string;
  /** End of the hold, in milliseconds since 1970; undefined: it ends when it is removed. */
  readonly until?: number | undefined;
  readonly author?: Author | undefined;
}

/** Manifests that people keep from being deleted. */
export interface Holds {
  /**
   * Puts a hold on the manifest that the reference stands for now, in place of the one that it has. Returns its digest. Throws
   * MANIFEST_UNKNOWN; UNSUPPORTED (400) for a missing reason, an end in the past or a mirrored repository.
   */
  add(repository: RepositoryName, reference: Reference, hold: NewHold): Promise<Digest>;
  /** Holds that have not ended, of one repository or of all, after a position. */
  list(
    repository: RepositoryName | undefined,
    after: HoldPosition,
    limit: number,
  ): Promise<readonly (HoldRecord & HoldPosition)[]>;
  /** Ends the hold of the manifest. Throws MANIFEST_UNKNOWN where it has none. */
  remove(repository: RepositoryName, reference: Reference, author?: Author): Promise<Digest>;
}

/** Before every hold. */
export const firstHold: HoldPosition = { repositoryId: 0, digest: '' };

const longestReason = 1000;

export function createHolds({ metadata, now }: { readonly metadata: MetadataStore; readonly now: () => number }): Holds {
  async function digestOf(repository: RepositoryName, { tag, digest }: Reference): Promise<Digest> {
    if (digest !== undefined) return digest;
    const found = await metadata.manifests.findByTag(repository, tag);
    if (!found) throw new OciError('MANIFEST_UNKNOWN', { detail: { tag } });
    return found.digest;
  }

  return {
    async add(repository, reference, { reason, until = null, author }) {
      if (reason.trim() === '') throw invalid('a hold needs a reason');
      if (reason.length > longestReason) throw invalid(`the reason of a hold has at most ${longestReason} characters`);
      if (until !== null && until <= now()) throw invalid('the end of a hold must be in the future');
      const digest = await digestOf(repository, reference);
      if (!(await metadata.repositories.isPushed(repository)))
        throw invalid(`${repository} is mirrored: mirror.refresh.images keeps images of upstreams`);
      if (!(await metadata.holds.put({ repository, digest, reason, until, author: dated(author, now()) })))
        throw new OciError('MANIFEST_UNKNOWN', { detail: { digest } });
      return digest;
    },

    list: (repository, after, limit) => metadata.holds.list(repository, after, limit, now()),

    async remove(repository, reference, author) {
      const digest = await digestOf(repository, reference);
      if (await metadata.holds.remove(repository, digest, dated(author, now()))) return digest;
      throw new OciError('MANIFEST_UNKNOWN', { message: `${repository}@${digest} has no hold` });
    },
  };
}

function invalid(message: string): OciError {
  return new OciError('UNSUPPORTED', { status: 400, message });
}
