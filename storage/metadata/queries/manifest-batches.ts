import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type NewManifest, type ReferenceCheck, checkReferences, put, tagsElsewhere, withoutOptional } from './manifests.ts';
import { holdsClaim } from './steps/claims.ts';
import { type Query, write } from './steps/query.ts';

/** Manifests that are recorded together. */

/** A manifest of a batch, and those of its tags that must not move. */
export interface BatchedManifest {
  readonly manifest: NewManifest;
  readonly fixedTags: readonly string[];
}

export interface BatchCheck extends ReferenceCheck {
  /** Fixed tags that point at other manifests. */
  readonly keptTags: readonly { readonly repository: RepositoryName; readonly tag: string }[];
  /** Digests whose claims were taken away: their bytes must be stored again. */
  readonly lapsed: readonly Digest[];
}

/**
 * Records several manifests as `putKeepingTags` does: all or none. An index comes after its children. Changes nothing if the
 * result names any digest or tag. Rejects `QuotaRefusal` as `manifests.put` does; then nothing has changed, too.
 */
export const putAll = write(function* (batch: readonly BatchedManifest[]): Query<BatchCheck> {
  const keptTags: { repository: RepositoryName; tag: string }[] = [];
  const [missing, wrongSize, lapsed] = [new Set<Digest>(), new Set<Digest>(), new Set<Digest>()];
  const keyOf = (repository: RepositoryName, digest: Digest) => `${repository} ${digest}`;
  const sizes = new Map(batch.map(({ manifest }) => [keyOf(manifest.repository, manifest.digest), manifest.sizeBytes]));
  for (const { manifest, fixedTags } of batch) {
    const { repository, digest, claimant, blobs, children, acceptMissing, optional } = manifest;
    for (const tag of yield* tagsElsewhere(manifest, fixedTags)) keptTags.push({ repository, tag });
    if (!(yield* holdsClaim(digest, claimant))) lapsed.add(digest);
    const stored = children.filter((child) => !sizes.has(keyOf(repository, child.digest)));
    const check = yield* checkReferences(repository, blobs, stored);
    for (const one of check.wrongSize) wrongSize.add(one);
    for (const one of acceptMissing ? [] : withoutOptional(check.missing, optional)) missing.add(one);
    for (const child of children) {
      const sizeBytes = sizes.get(keyOf(repository, child.digest));
      if (sizeBytes !== undefined && sizeBytes !== child.sizeBytes) wrongSize.add(child.digest);
    }
  }
  const result = { missing: [...missing], wrongSize: [...wrongSize], keptTags, lapsed: [...lapsed] };
  if (Object.values(result).some((found) => found.length > 0)) return result;
  for (const { manifest } of batch) yield* put(manifest);
  return result;
});
