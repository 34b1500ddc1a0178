import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Digest } from '../../oci/digest.ts';
import { type Pattern, matches, rangeOf } from '../../oci/patterns/repository-pattern.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import { OciError } from '../../oci/errors.ts';
import type { Registry } from '../../registry/registry.ts';
import type { ManifestContent, Side, Source } from './entry.ts';

export interface LocalSideOptions {
  readonly registry: Pick<Registry, 'blobs' | 'manifests' | 'listings'>;
  readonly metadata: Pick<MetadataStore, 'retentionContent'>;
}

const pageSize = 1000;
const referrerPage = { items: 1000, bytes: 4 * 1024 * 1024 };

/** This registry, as both sides. Reads of it are no pulls. */
export function createLocalSide({ registry }: Pick<LocalSideOptions, 'registry'>): Side {
  const { blobs, manifests } = registry;
  return {
    async findTag(repository, tag) {
      return (await found(manifests.find(repository, { tag: tag as Tag })))?.digest;
    },
    async manifest(repository, digest): Promise<ManifestContent> {
      const { mediaType, sizeBytes } = await manifests.find(repository, { digest });
      return { digest, mediaType, bytes: await manifests.bytes(digest, sizeBytes) };
    },
    async *openBlob(repository, digest, first, last) {
      const object = await blobs.open(digest, await blobs.size(repository, digest), { first, last });
      try {
        // The store may use its buffers again; the receiver keeps some chunks.
        for await (const chunk of object.stream()) yield Buffer.from(chunk);
      } finally {
        await object.close();
      }
    },
  };
}

/** This registry as a source: repositories that were pushed, not mirrored ones. */
export function createLocalSource(options: LocalSideOptions, from: Pattern): Source {
  const { listings } = options.registry;

  async function listRepositories(): Promise<readonly RepositoryName[]> {
    const names: RepositoryName[] = [];
    const range = rangeOf(from);
    for (let { after } = range; ;) {
      const page = await options.metadata.retentionContent.listRepositories(after, range.before, pageSize);
      names.push(...page.map(({ repository }) => repository).filter((name) => matches(from, name)));
      const last = page.at(-1);
      if (page.length < pageSize || !last) return names;
      after = last.repository;
    }
  }

  return {
    ...createLocalSide(options),
    listRepositories,
    async listTags(repository) {
      const tags: string[] = [];
      for (let more = true; more;) {
        const page = await listings.tags(repository, tags.at(-1) ?? '', pageSize);
        tags.push(...page.items);
        ({ more } = page);
      }
      return tags;
    },
    async listReferrers(repository, subject) {
      const digests: Digest[] = [];
      for (let more = true; more;) {
        const page = await listings.referrers(
          repository,
          subject,
          { artifactType: undefined },
          digests.at(-1) ?? '',
          referrerPage,
        );
        digests.push(...page.items.map(({ digest }) => digest));
        ({ more } = page);
      }
      return digests;
    },
  };
}

/** Resolves to undefined if the registry does not have what was asked for. */
export async function found<Result>(asked: Promise<Result>): Promise<Result | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof OciError && error.status === 404) return undefined;
    throw error;
  }
}
