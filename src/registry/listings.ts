import type { ReferrerRecord } from '../../storage/metadata/queries/manifests.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';

/** One page of a listing in ascending order. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** There are items after the last one. */
  readonly more: boolean;
}

/** A manifest that refers to another one. */
export interface Referrer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** The listings of clients. Each page is one index range: its cost does not grow with the number of rows. */
export interface Listings {
  /** Tag names after `after`. Throws NAME_UNKNOWN. */
  tags(repository: RepositoryName, after: string, limit: number): Promise<Page<string>>;
  /** Repository names after `after`. */
  repositories(after: string, limit: number): Promise<Page<string>>;
  /**
   * Manifests whose subject is `subject`; empty for an unknown subject or repository. At least one where there is one, and
   * no more than have about `limit.bytes` in JSON.
   */
  referrers(
    repository: RepositoryName,
    subject: Digest,
    filter: { readonly artifactType: string | undefined },
    after: string,
    limit: { readonly items: number; readonly bytes: number },
  ): Promise<Page<Referrer>>;
}

export function createListings(metadata: MetadataStore): Listings {
  async function ofRepository<Item>(repository: RepositoryName, page: Page<Item>): Promise<Page<Item>> {
    if (page.items.length === 0 && !(await metadata.repositories.exists(repository)))
      throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
    return page;
  }

  return {
    tags: async (repository, after, limit) =>
      ofRepository(repository, await pageOf(limit, (count) => metadata.tags.list(repository, after, count))),
    repositories: (after, limit) => pageOf(limit, (count) => metadata.repositories.list(after, count)),
    async referrers(repository, subject, { artifactType }, after, limit) {
      const sizes = await metadata.manifests.listReferrerSizes(repository, subject, artifactType, after, limit.items + 1);
      const count = fitting(sizes.slice(0, limit.items), limit.bytes);
      const items = count === 0 ? [] : await metadata.manifests.listReferrers(repository, subject, artifactType, after, count);
      return { items: items.map(toReferrer), more: count > 0 && sizes.length > count };
    },
  };
}

function toReferrer({ artifactType, annotations, ...content }: ReferrerRecord): Referrer {
  return {
    ...content,
    artifactType: artifactType ?? undefined,
    annotations: annotations === null ? undefined : (JSON.parse(annotations) as Referrer['annotations']),
  };
}

/** Asks for one item more than the page holds, to know whether there is a next page. */
async function pageOf<Item>(limit: number, ask: (count: number) => Promise<readonly Item[]>): Promise<Page<Item>> {
  const items = await ask(limit + 1);
  return { items: items.slice(0, limit), more: items.length > limit && limit > 0 };
}

/** Returns the number of first items that have at most `bytes` together; at least one. */
function fitting(sizes: readonly number[], bytes: number): number {
  let left = bytes;
  const tooMany = sizes.findIndex((size) => (left -= size) < 0);
  return tooMany < 0 ? sizes.length : Math.max(tooMany, 1);
}
