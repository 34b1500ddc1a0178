import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey, blobsPrefix, storedDigest } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { DatedAuthor } from '../../../storage/metadata/queries/steps/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import { inArrays } from '../adopt/merge.ts';
import { readManifest } from '../adopt/read-manifest.ts';
import { type RecoveredName, nameFromAnnotations, recoveredImages } from './recovered-names.ts';

export interface RecoverOptions {
  readonly driver: Pick<BlobDriver, 'listEntries' | 'read' | 'stat'>;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Larger blobs are not looked at, in bytes: they are no manifests. */
  readonly maxManifestBytes: number;
  readonly onManifest: (manifest: RecoveredManifest) => void;
  /** Called with the number of blobs that were looked at. */
  readonly onProgress: (blobs: number) => void;
  readonly signal: AbortSignal;
}

/** A manifest that was found among the blobs. */
export interface RecoveredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly repository: RepositoryName;
  /** From its annotations; null: none. */
  readonly tag: Tag | null;
  /** Blobs and manifests that it references and the store does not have. */
  readonly missing: number;
}

/** The database has repositories that were not recovered from blobs. */
export class DatabaseInUse extends Error {
  override readonly name = 'DatabaseInUse';
  readonly code = 'not_empty';
}

/** A remote store answers each read after some milliseconds. */
const readsAtOnce = 16;
const author = { actor: 'command line', address: '' };

/**
 * Looks for manifests among the blobs of a store whose metadata and links are lost, and records them, with what they
 * reference, in `recovered/images`: they can be pulled by digest. Those with a name in their annotations also get a
 * repository of that name below `recovered/`. Nothing is public, and nothing is collected until the block for a restore
 * ends. Reads every blob that is small enough to be a manifest. Can be repeated. Rejects `DatabaseInUse`.
 */
export async function recoverBlobs(options: RecoverOptions): Promise<void> {
  const { driver, metadata, now, maxManifestBytes, onProgress, signal } = options;
  await refuseUsed(metadata);
  await metadata.collectionState.block('restore', now());
  await metadata.pulls.restart(now());
  const isManifest = async (digest: Digest) => (await readManifest(driver, digest, maxManifestBytes)).manifest !== undefined;
  let looked = 0;
  for await (const page of inArrays(driver.listEntries(blobsPrefix), readsAtOnce)) {
    signal.throwIfAborted();
    const small = page
      .filter(({ kind, sizeBytes }) => kind === 'object' && sizeBytes <= maxManifestBytes)
      .flatMap(({ path }) => storedDigest(path) ?? []);
    const are = await Promise.all(small.map(isManifest));
    for (const [index, digest] of small.entries()) if (are[index] === true) await recover(options, digest);
    looked += page.length;
    onProgress(looked);
  }
}

async function refuseUsed(metadata: MetadataStore): Promise<void> {
  for (let after = ''; ;) {
    const page = await metadata.repositories.list(after, 1000);
    const other = page.find((name) => !name.startsWith('recovered/'));
    if (other !== undefined) throw new DatabaseInUse(`the target database already has ${other}: use an empty database`);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

async function recover(options: RecoverOptions, digest: Digest): Promise<void> {
  const { driver, metadata, maxManifestBytes, onManifest } = options;
  const { manifest } = await readManifest(driver, digest, maxManifestBytes);
  if (!manifest) return;
  const { mediaType } = manifest;
  const missing = await record(options, recoveredImages, digest, []);
  const name = nameFromAnnotations(manifest.annotations);
  if (!name) {
    onManifest({ digest, mediaType, repository: recoveredImages, tag: null, missing });
    return;
  }
  const tag = await freeTag(metadata, name, digest);
  await record(options, name.repository, digest, tag === null ? [] : [tag]);
  onManifest({ digest, mediaType, repository: name.repository, tag, missing });
}

/** Returns the tag; with a part of the digest if another manifest has it. */
async function freeTag({ manifests }: MetadataStore, { repository, tag }: RecoveredName, digest: Digest): Promise<Tag | null> {
  if (tag === null) return null;
  const found = await manifests.findByTag(repository, tag);
  if (!found || found.digest === digest) return tag;
  return `${tag.slice(0, 115)}-${digest.slice(digest.indexOf(':') + 1).slice(0, 12)}` as Tag;
}

/** Records a manifest after the blobs and the manifests that it references. Resolves to the number of those that are missing. */
async function record(
  options: RecoverOptions,
  repository: RepositoryName,
  digest: Digest,
  tags: readonly Tag[],
): Promise<number> {
  const { driver, metadata, now, maxManifestBytes } = options;
  const { manifest } = await readManifest(driver, digest, maxManifestBytes);
  if (!manifest) return 1;
  const { blobs, children, mediaType, sizeBytes, artifactType, subject, annotations } = manifest;
  let missing = 0;
  for (const blob of blobs) missing += await link(options, repository, blob);
  for (const child of children) {
    if ((await metadata.manifests.findByDigest(repository, child.digest)) !== undefined) continue;
    const lacks = await record(options, repository, child.digest, []);
    // The older cache format of BuildKit is an index of layers.
    const isManifest = (await metadata.manifests.findByDigest(repository, child.digest)) !== undefined;
    missing += isManifest ? lacks : await link(options, repository, child);
  }
  await metadata.manifests.put({
    repository,
    digest,
    mediaType,
    sizeBytes,
    artifactType,
    subject,
    annotations,
    tags,
    now: now(),
    blobs: await present(options, blobs),
    children: await present(options, children),
    acceptMissing: true,
    author: authorAt(now()),
  });
  return missing;
}

const authorAt = (at: number): DatedAuthor => ({ ...author, at });

/** Returns those of the references that the store has with their size; the record of another size would be refused. */
async function present({ driver }: RecoverOptions, references: readonly Descriptor[]): Promise<readonly Sized[]> {
  const found: Sized[] = [];
  for (const { digest, sizeBytes } of references) {
    const stat = await unlessMissing(driver.stat(blobKey(digest)));
    if (!stat || stat.sizeBytes === sizeBytes) found.push({ digest, sizeBytes });
  }
  return found;
}

type Sized = Pick<Descriptor, 'digest' | 'sizeBytes'>;

/** Lets the repository serve the blob. Resolves to 1 if the store does not have it with this size, else to 0. */
async function link({ driver, metadata, now }: RecoverOptions, repository: RepositoryName, blob: Descriptor): Promise<number> {
  const { digest, sizeBytes } = blob;
  const stat = await unlessMissing(driver.stat(blobKey(digest)));
  if (stat?.sizeBytes !== sizeBytes) return 1;
  await metadata.blobs.commit(repository, digest, sizeBytes, '', now());
  return 0;
}
