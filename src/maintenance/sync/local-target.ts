import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type Pattern, matches } from '../../oci/patterns/repository-pattern.ts';
import type { Reference, RepositoryName, Tag } from '../../oci/reference.ts';
import { isSubjectTag } from '../../oci/subject-tags.ts';
import type { Author } from '../../registry/author.ts';
import type { ImmutableTags } from '../../registry/immutable-tags.ts';
import type { Registry } from '../../registry/registry.ts';
import type { UploadSession } from '../../registry/uploads.ts';
import type { BlobReader, ManifestContent, SizedBlob, Target } from './entry.ts';
import { createLocalSide, found } from './local-side.ts';
import type { UploadSessions } from './upload-sessions.ts';

export interface LocalTargetOptions {
  readonly registry: Pick<Registry, 'blobs' | 'manifests' | 'uploads' | 'listings' | 'deletions'>;
  readonly metadata: Pick<MetadataStore, 'tags'>;
  readonly sessions: UploadSessions;
  readonly immutable: ImmutableTags;
  /** Repositories that the entry writes to. */
  readonly to: Pattern;
  readonly largestManifestBytes: number;
  /** Reason that the trash and the history of tags show. */
  readonly reason: string;
}

/** The actor in events and in the history of tags. */
export const syncAuthor: Author = { actor: 'sync', address: '' };

/** The owner of upload sessions: no account can have this name. */
const owner = 'berth sync';

/** Repositories that are looked at for a blob to mount. */
const maxHolders = 100;

/** This registry as a target. Writes through the services that pushes use: their rules hold. */
export function createLocalTarget(options: LocalTargetOptions): Target {
  const { registry, metadata, sessions, immutable, to, largestManifestBytes, reason } = options;
  const { blobs, manifests, uploads, deletions } = registry;
  const side = createLocalSide(options);

  function put(repository: RepositoryName, reference: Reference, content: ManifestContent, optional: readonly Digest[]) {
    if (content.bytes.length > largestManifestBytes)
      throw new Error(`manifest ${content.digest} is larger than manifests.maxSize (${largestManifestBytes} bytes)`);
    const { bytes, mediaType } = content;
    return manifests.put(repository, reference, [], bytes, mediaType, { keepTags: false, author: syncAuthor, optional });
  }

  /** Returns the session of the blob and the bytes that it has. */
  async function openSession(repository: RepositoryName, { digest, sizeBytes }: SizedBlob) {
    const id = await sessions.find(repository, digest);
    if (id !== undefined) {
      const session: UploadSession = { id, repository, owner, author: syncAuthor };
      const received = await found(uploads.status(session));
      if (received !== undefined && received <= sizeBytes) return { session, received };
      if (received !== undefined) await uploads.cancel(session);
    }
    const started = await uploads.start(repository, digestAlgorithm(digest), owner, syncAuthor);
    const session: UploadSession = { id: started, repository, owner, author: syncAuthor };
    await sessions.put(repository, digest, session.id);
    return { session, received: 0 };
  }

  async function putBlob(repository: RepositoryName, blob: SizedBlob, open: BlobReader): Promise<void> {
    const { digest, sizeBytes } = blob;
    const { session, received } = await openSession(repository, blob);
    const last = sizeBytes - 1;
    if (received < sizeBytes)
      await uploads.append(session, {
        body: open(received, last),
        range: { first: received, last },
        length: sizeBytes - received,
      });
    try {
      await uploads.finish(session, digest);
    } catch (error) {
      // The registry drops a session with other bytes than announced.
      if (error instanceof OciError) await sessions.remove(repository, digest);
      throw error;
    }
    await sessions.remove(repository, digest);
  }

  /** Untags a manifest that has other tags; deletes one that would be left without a tag. */
  async function deleteTag(repository: RepositoryName, tag: string, digest: Digest): Promise<void> {
    if ((await side.findTag(repository, tag)) !== digest) return;
    const others = (await metadata.tags.listOf(repository, digest)).filter((name) => name !== tag);
    const expected = others.length === 0 ? await found(deletions.preview(repository, digest)) : undefined;
    const isAlone = expected?.tags.every(({ name }) => name === tag || isSubjectTag(name)) === true;
    if (!isAlone) return deletions.tag(repository, tag as Tag, syncAuthor);
    await deletions.manifest(repository, digest, { author: syncAuthor, reason, expected });
  }

  return {
    ...side,
    async hasManifest(repository, digest) {
      const manifest = await found(manifests.keep(repository, { digest }));
      return manifest !== undefined && !(await manifests.isLost(digest, manifest.sizeBytes));
    },
    async hasBlob(repository, digest) {
      const sizeBytes = await found(blobs.keep(repository, digest));
      return sizeBytes !== undefined && !(await blobs.isLost(digest, sizeBytes));
    },
    async mountBlob(repository, digest) {
      // Only from what the entry writes itself: a source must not lead to blobs of other repositories by naming their digests.
      const holders = (await blobs.holders(digest, maxHolders)).filter((name) => matches(to, name));
      for (const holder of holders) if (await blobs.mount(holder, repository, digest, syncAuthor)) return true;
      return false;
    },
    putBlob,
    async putManifest(repository, content, optional) {
      await put(repository, { digest: content.digest }, content, optional);
    },
    async putTag(repository, tag, content, optional) {
      await put(repository, { tag: tag as Tag }, content, optional);
    },
    async checkTag(repository, tag) {
      if (immutable.of(repository, [tag]).length > 0 && (await side.findTag(repository, tag)) !== undefined)
        throw immutable.refusal(repository, tag, 'it cannot point at another manifest');
    },
    deleteTag,
  };
}
