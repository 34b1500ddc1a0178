import type { ConcernedContent, Keepers } from '../../storage/metadata/queries/trash/keepers.ts';
import type { TrashEntry } from '../../storage/metadata/queries/trash/entries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { Reference, RepositoryName } from '../oci/reference.ts';
import type { Deletions } from './deletions.ts';

/** Another repository with some of the content. */
export interface Sharer {
  readonly repository: RepositoryName;
  /** Of the content that it shares. */
  readonly bytes: number;
}

/** Why a manifest is kept, and what deleting it does. */
export interface Explanation {
  readonly digest: Digest;
  /** Undefined for a manifest in the trash. */
  readonly keepers: Keepers | undefined;
  /** The entry of the trash that has it; undefined for a live manifest. */
  readonly trashed: TrashEntry | undefined;
  readonly deletion: {
    /** Why it is refused; undefined: it is not. */
    readonly refusal: string | undefined;
    readonly manifests: readonly Digest[];
    /**
     * Bytes that nothing else needs. They are on disk until the trash is emptied. Where the caller may not know all repositories,
     * only the largest blobs are looked for in those that it may know.
     */
    readonly freedBytes: number;
    /** The other bytes: those that other repositories, or other manifests of this one, need. */
    readonly sharedBytes: number;
  };
  /** Repositories that share most, at most 20. */
  readonly sharedWith: readonly Sharer[];
}

export type MaySee = (repository: RepositoryName) => Promise<boolean>;

/** Explains what keeps a manifest. */
export interface Why {
  /**
   * `maySee` says whether the caller may know of a repository: the answer reveals nothing about others. Throws MANIFEST_UNKNOWN
   * where the manifest is neither live nor in the trash. Without `maySee` the caller may know all of them.
   */
  explain(repository: RepositoryName, reference: Reference, maySee?: MaySee): Promise<Explanation>;
}

export interface WhyOptions {
  readonly metadata: MetadataStore;
  readonly deletions: Deletions;
  readonly now: () => number;
}

const listed = 20;
const nothingPlanned = { refusal: undefined, manifests: [] };

/** The largest shared blobs: they are nearly all of the shared bytes. */
const comparedBlobs = 20;

export function createWhy({ metadata, deletions, now }: WhyOptions): Why {
  /** Returns the manifests of the deletion; a refused one concerns the manifest alone. */
  async function planDeletion(repository: RepositoryName, digest: Digest) {
    try {
      return { refusal: undefined, manifests: (await deletions.preview(repository, digest)).manifests };
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      return { refusal: error.message, manifests: [digest] };
    }
  }

  /** Returns the repositories with the largest shared blobs, and the digests of those blobs. */
  async function findSharers(repository: RepositoryName, contents: readonly ConcernedContent[], maySee: MaySee) {
    const shared = contents.filter(({ isElsewhere }) => isElsewhere).sort((one, other) => other.sizeBytes - one.sizeBytes);
    const visible = new Map<RepositoryName, boolean>();
    const bytes = new Map<RepositoryName, number>();
    const digests = new Set<Digest>();
    for (const { digest, sizeBytes } of shared.slice(0, comparedBlobs)) {
      for (const name of await metadata.blobs.listRepositories(digest, 10 * listed)) {
        if (name === repository) continue;
        if (!visible.has(name)) visible.set(name, await maySee(name));
        if (visible.get(name) !== true) continue;
        bytes.set(name, (bytes.get(name) ?? 0) + sizeBytes);
        digests.add(digest);
      }
    }
    const sorted = [...bytes].sort(([, one], [, other]) => other - one).slice(0, listed);
    return { digests, sharers: sorted.map(([name, sum]): Sharer => ({ repository: name, bytes: sum })) };
  }

  return {
    async explain(repository, reference, maySee) {
      const record =
        reference.tag === undefined
          ? await metadata.manifests.findByDigest(repository, reference.digest)
          : await metadata.manifests.findByTag(repository, reference.tag);
      const digest = record?.digest ?? reference.digest;
      if (digest === undefined) throw new OciError('MANIFEST_UNKNOWN', { detail: reference });
      const keepers = await metadata.keepers.find(repository, digest, now(), listed);
      const trashed = keepers ? undefined : await metadata.trash.findByDigest(repository, digest, now());
      if (!keepers && !trashed) throw new OciError('MANIFEST_UNKNOWN', { detail: reference });
      const { refusal, manifests } = keepers ? await planDeletion(repository, digest) : nothingPlanned;
      const contents = keepers ? await metadata.keepers.listContent(repository, manifests) : [];
      const sum = (some: readonly ConcernedContent[]) => some.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
      const { digests, sharers } = await findSharers(repository, contents, maySee ?? (() => Promise.resolve(true)));
      const isShared = ({ digest: content, isElsewhere }: ConcernedContent) => (maySee ? digests.has(content) : isElsewhere);
      const freedBytes = sum(contents.filter((content) => content.isFreed && !isShared(content)));
      return {
        digest,
        keepers,
        trashed,
        deletion: { refusal, manifests, freedBytes, sharedBytes: sum(contents) - freedBytes },
        sharedWith: sharers,
      };
    },
  };
}
