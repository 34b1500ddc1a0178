import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';

/** Repositories that an account has starred. The caller has checked that it may pull them. */
export interface StarService {
  /** Idempotent. Throws DENIED for an account that has as many stars as it may have. */
  add(accountId: number, repository: RepositoryName): Promise<void>;
  /** Idempotent. */
  remove(accountId: number, repository: RepositoryName): Promise<void>;
  /** Returns those of the repositories that the account has starred. */
  among(accountId: number, repositories: readonly RepositoryName[]): Promise<ReadonlySet<string>>;
}

/** A list of starred repositories stays a small selection. */
const mostStars = 1000;

/** `now`: milliseconds since 1970. */
export function createStarService({ stars }: Pick<MetadataStore, 'stars'>, now: () => number): StarService {
  return {
    async add(accountId, repository) {
      const has = await stars.listAmong(accountId, [repository]);
      if (has.length === 0 && (await stars.count(accountId, mostStars)) === mostStars)
        throw new OciError('DENIED', { message: `an account has at most ${mostStars} stars: take some away first` });
      await stars.add(accountId, repository, now());
    },
    remove: stars.remove,
    among: async (accountId, repositories) => new Set(await stars.listAmong(accountId, repositories)),
  };
}
