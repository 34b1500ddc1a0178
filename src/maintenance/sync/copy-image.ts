import { isManifestType } from '../../oci/media-types.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import type { ManifestContent, RepositoryPair, Source, Target } from './entry.ts';
import { chooseChildren } from './platforms.ts';
import type { Progress } from './progress.ts';

export interface CopyOptions {
  readonly source: Source;
  readonly target: Target;
  readonly platforms: readonly string[] | undefined;
  readonly withReferrers: boolean;
  readonly progress: Progress;
  /** Throws if the run must end: another process has taken over, or the server shuts down. */
  readonly assertRunning: () => void;
  /** Runs the copy of a blob, again after failures that pass. The target continues where it was. */
  readonly retry: (copy: () => Promise<void>) => Promise<void>;
}

/** A manifest that is at the target, with everything that it needs. */
export interface CopiedManifest {
  readonly content: ManifestContent;
  /** Entries of the index that were not chosen. */
  readonly optional: readonly Digest[];
  /** The manifest and its chosen children, at every depth. */
  readonly family: readonly Digest[];
}

/** Blobs of one image that are copied at a time. */
const blobsAtOnce = 3;

/** Nested indexes and referrers of referrers below each other. Real ones have two or three. */
const maxDepth = 16;

/** Copies manifests with what they need: blobs first, then children, then the manifest, then what refers to it. */
export interface ImageCopy {
  /** Copies a manifest under its digest; tags are the caller's. What the target has is not copied again. */
  copy(pair: RepositoryPair, digest: Digest): Promise<CopiedManifest>;
  /** Copies referrers of the manifests that the target lacks. */
  copyReferrers(pair: RepositoryPair, subjects: readonly Digest[]): Promise<void>;
}

export function createImageCopy(options: CopyOptions): ImageCopy {
  const { source, target, withReferrers, progress, assertRunning } = options;

  async function copyManifest(
    pair: RepositoryPair,
    digest: Digest,
    platforms: readonly string[] | undefined,
    depth: number,
  ): Promise<CopiedManifest> {
    if (depth > maxDepth) throw new Error(`${digest} is nested more than ${maxDepth} times`);
    assertRunning();
    const content = await source.manifest(pair.from, digest);
    const manifest = parseManifest(content.bytes, content.mediaType);
    const isThere = await target.hasManifest(pair.to, digest);
    if (!isThere) await copyBlobs(pair, manifest.blobs);
    const { family, optional } = await copyChildren(pair, content, manifest, platforms, depth);
    if (!isThere) {
      assertRunning();
      await target.putManifest(pair.to, content, optional);
      progress.manifestCopied();
    }
    return { content, optional, family: [digest, ...family] };
  }

  async function copyChildren(
    pair: RepositoryPair,
    { bytes }: ManifestContent,
    { children }: Manifest,
    platforms: readonly string[] | undefined,
    depth: number,
  ): Promise<{ readonly family: readonly Digest[]; readonly optional: readonly Digest[] }> {
    if (children.length === 0) return { family: [], optional: [] };
    const chosen = chooseChildren(bytes, children, platforms);
    const family: Digest[] = [];
    for (const child of children) {
      if (!chosen.has(child.digest)) continue;
      // An index of BuildKit's older cache format lists layers.
      if (!isManifestType(child.mediaType)) await copyBlobs(pair, [child]);
      else family.push(...(await copyManifest(pair, child.digest, platforms, depth + 1)).family);
    }
    return { family, optional: children.map(({ digest }) => digest).filter((digest) => !chosen.has(digest)) };
  }

  async function copyBlobs(pair: RepositoryPair, blobs: readonly Descriptor[]): Promise<void> {
    const pending = new Map(blobs.map((blob) => [blob.digest, blob])).values();
    async function copyInTurn(): Promise<void> {
      for (const blob of pending) await copyBlob(pair, blob);
    }
    // All end before the first failure is reported: none goes on in the background.
    const ended = await Promise.allSettled(Array.from({ length: blobsAtOnce }, copyInTurn));
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async function copyBlob({ from, to }: RepositoryPair, { digest, sizeBytes }: Descriptor): Promise<void> {
    assertRunning();
    if ((await target.hasBlob(to, digest)) || (await target.mountBlob(to, digest))) {
      progress.blobSkipped();
      return;
    }
    async function* read(first: number, last: number): AsyncGenerator<Uint8Array> {
      for await (const chunk of source.openBlob(from, digest, first, last)) {
        assertRunning();
        progress.bytesCopied(chunk.length);
        yield chunk;
      }
    }
    await options.retry(() => target.putBlob(to, { digest, sizeBytes }, read));
    progress.blobCopied();
  }

  async function copyReferrersOf(pair: RepositoryPair, subject: Digest, depth: number): Promise<void> {
    if (depth > maxDepth) throw new Error(`${subject} has referrers more than ${maxDepth} deep`);
    for (const digest of await source.listReferrers(pair.from, subject)) {
      if (!(await target.hasManifest(pair.to, digest))) await copyManifest(pair, digest, undefined, depth);
      await copyReferrersOf(pair, digest, depth + 1);
    }
  }

  return {
    copy: (pair, digest) => copyManifest(pair, digest, options.platforms, 0),
    async copyReferrers(pair, subjects) {
      if (!withReferrers) return;
      for (const subject of subjects) await copyReferrersOf(pair, subject, 0);
    },
  };
}
