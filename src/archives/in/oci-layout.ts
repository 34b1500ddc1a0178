import type { Descriptor } from '../../oci/descriptor.ts';
import { parseDescriptor } from '../../oci/descriptor.ts';
import type { JsonObject } from '../../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { isManifestType, isNonDistributable, mediaTypes } from '../../oci/media-types.ts';
import { indexEntries } from '../../oci/index-entries.ts';
import { platformName } from '../../oci/platform.ts';
import { blobPath } from '../out/archive-file.ts';
import { invalidArchive, quoted } from '../archive-error.ts';
import type { ArchiveContents } from './contents.ts';
import {
  isObject,
  parseObject,
  readConfig,
  readingEntry,
  requireBlob,
  requireDiffId,
  requireDocument,
  requireLayerCount,
} from './images.ts';
import { recompressed } from './recompressed.ts';
import type { ResolvedBlob, ResolvedImage, ResolvedManifest } from './resolved.ts';

/** What a manifest consists of, its children included. */
interface Parts extends Pick<ResolvedImage, 'digest' | 'manifests' | 'blobs' | 'platforms'> {
  readonly missing?: readonly string[];
  readonly note?: string | undefined;
}

const imageConfigs = new Set(['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']);

const nameAnnotations = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'] as const;

/** Manifests and configs stay as they are; more than any archive has. */
const maxDepth = 4;

/** Resolves the images of an OCI image layout (image-spec, image-layout.md). Manifests keep their bytes and digests. */
export function resolveOciLayout(contents: ArchiveContents): readonly ResolvedImage[] {
  const name = 'index.json';
  const index = parseObject(name, requireDocument(contents, name, 'the OCI image layout'));
  const entries = index['manifests'];
  if (!Array.isArray(entries)) throw invalidArchive('entry "index.json": expected a list in manifests');
  const images = new Map<string, ResolvedImage>();
  for (const [at, entry] of entries.entries()) {
    const descriptor = readingEntry(name, () => parseDescriptor(entry, `manifests[${at}]`));
    const names = namesOf(entry as JsonObject);
    const known = images.get(descriptor.digest);
    if (known) images.set(descriptor.digest, { ...known, names: [...new Set([...known.names, ...names])] });
    else
      images.set(descriptor.digest, { note: undefined, missing: [], ...resolve(contents, descriptor, '"index.json"', 0), names });
  }
  return [...images.values()];
}

/** Returns the name of an entry: the full one that containerd and docker write, or the tag. */
function namesOf({ annotations }: JsonObject): readonly string[] {
  if (!isObject(annotations)) return [];
  const found = nameAnnotations.map((key) => annotations[key]).find((value) => typeof value === 'string' && value !== '');
  return found === undefined ? [] : [found as string];
}

function resolve(contents: ArchiveContents, descriptor: Descriptor, wantedBy: string, depth: number): Parts {
  const path = blobPath(descriptor.digest);
  if (depth > maxDepth) throw invalidArchive(`entry ${quoted(path)}: more than ${maxDepth} indexes are nested`);
  const bytes = requireDocument(contents, path, wantedBy);
  requireSize(path, descriptor, bytes.length);
  const manifest = readingEntry(path, () => parseManifest(bytes, descriptor.mediaType));
  const document = parseObject(path, bytes);
  const self = { digest: descriptor.digest, mediaType: manifest.mediaType, bytes };
  return isIndexType(manifest.mediaType)
    ? resolveIndex(contents, self, manifest, document, depth)
    : resolveManifest(contents, self, manifest, document);
}

function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList;
}

/**
 * Resolves an index. Tools write indexes of which they have only some images, such as docker of a platform that was pulled: those
 * are taken, and the index keeps its digest.
 */
function resolveIndex(
  contents: ArchiveContents,
  self: ResolvedManifest,
  manifest: Manifest,
  document: JsonObject,
  depth: number,
): Parts {
  const path = blobPath(self.digest);
  const entries = indexEntries(manifest, document);
  const present = entries.filter(({ descriptor }) => contents.find(blobPath(descriptor.digest)));
  const absent = entries.filter((entry) => !present.includes(entry));
  const absentNames = absent.map(({ descriptor, platform }) => (platform ? platformName(platform) : descriptor.digest));
  if (absent.length > 0 && !present.some(({ platform }) => platform))
    throw invalidArchive(
      `entry ${quoted(path)} lists ${absentNames.join(', ')}: expected at least one image of the index, found none`,
    );
  const parts = present.map(({ descriptor }): Parts => {
    if (isManifestType(descriptor.mediaType)) return resolve(contents, descriptor, quoted(path), depth + 1);
    const blob = resolveBlob(contents, descriptor, path);
    return { digest: blob.digest, manifests: [], blobs: [blob], platforms: [] };
  });
  if (parts.some(({ digest }, at) => digest !== present[at]?.descriptor.digest))
    throw invalidArchive(`entry ${quoted(path)}: images of an index cannot be compressed without changing it: use compress=none`);
  return {
    digest: self.digest,
    manifests: [
      ...parts.flatMap(({ manifests }) => manifests),
      { ...self, optional: absent.map(({ descriptor }) => descriptor.digest) },
    ],
    blobs: parts.flatMap(({ blobs }) => blobs),
    platforms: present.flatMap(({ platform }) => platform ?? []).map(platformName),
    missing: [...absentNames, ...parts.flatMap(({ missing = [] }) => missing)],
  };
}

function resolveManifest(contents: ArchiveContents, self: ResolvedManifest, manifest: Manifest, document: JsonObject): Parts {
  const path = blobPath(self.digest);
  const blobs = manifest.blobs.map((descriptor) => resolveBlob(contents, descriptor, path));
  const platforms = checkImage(contents, manifest, document, blobs);
  const changed = recompressed(self, document, manifest.blobs, blobs);
  if (!changed) return { digest: self.digest, manifests: [self], blobs, platforms };
  const note = 'layers were compressed, so that the manifest has another digest than in the archive';
  return { digest: changed.digest, manifests: [changed], blobs, platforms, note };
}

function resolveBlob(contents: ArchiveContents, descriptor: Descriptor, manifestPath: string): ResolvedBlob {
  const path = blobPath(descriptor.digest);
  const blob = requireBlob(contents, path, quoted(manifestPath));
  const sizeBytes = Buffer.isBuffer(blob.source) ? blob.sizeBytes : blob.source.archived.sizeBytes;
  requireSize(path, descriptor, sizeBytes);
  return blob;
}

/** Compares the config of an image with its layers, as far as they are not compressed. Returns the platform. */
function checkImage(
  contents: ArchiveContents,
  manifest: Manifest,
  document: JsonObject,
  [, ...layers]: readonly ResolvedBlob[],
): readonly string[] {
  const [config] = manifest.blobs;
  if (!config || !imageConfigs.has(config.mediaType)) return [];
  const path = blobPath(config.digest);
  const bytes = requireDocument(contents, path, 'its manifest');
  const parsed = readConfig(path, bytes);
  const listed = (document['layers'] ?? []) as readonly { readonly mediaType: string }[];
  if (listed.length > 0 && listed.every(({ mediaType }) => isLayerType(mediaType)))
    requireLayerCount(path, parsed, listed.length);
  if (listed.some(({ mediaType }) => isNonDistributable(mediaType))) return parsed.platforms;
  for (const [at, { source }] of layers.entries()) {
    if (Buffer.isBuffer(source) || source.archived.format !== 'tar' || !isLayerType(listed[at]?.mediaType ?? '')) continue;
    requireDiffId(blobPath(source.archived.digest), parsed.diffIds[at], source.diffId ?? source.archived.digest);
  }
  return parsed.platforms;
}

/** True for the layers of images: `rootfs.diff_ids` lists no others, such as attestations. */
function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.)/.test(mediaType);
}

function requireSize(path: string, { sizeBytes }: Descriptor, found: number): void {
  if (sizeBytes !== found)
    throw invalidArchive(`entry ${quoted(path)} has another size: expected ${sizeBytes} bytes, found ${found}`);
}
