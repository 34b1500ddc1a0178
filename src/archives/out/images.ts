import type { Digest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { OciError } from '../../oci/errors.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { isNonDistributable } from '../../oci/media-types.ts';
import { indexEntries, platformEntries } from '../../oci/index-entries.ts';
import { type Platform, defaultPlatform, matchesPlatform, platformName, readPlatform } from '../../oci/platform.ts';
import type { NamedReference, RepositoryName } from '../../oci/reference.ts';
import type { SignaturePolicy } from '../../signatures/policy.ts';
import type { Blobs } from '../../registry/blobs.ts';
import type { Manifests } from '../../registry/manifests.ts';

/** Stored content that becomes a file of the archive. */
export interface StoredContent {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** An image that an archive names. */
export interface ExportedImage extends NamedReference {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly platform: Platform | undefined;
  /** What `docker load` needs: config and layers of one platform. Undefined for artifacts and images with layers elsewhere. */
  readonly loadable: { readonly config: Digest; readonly layers: readonly Digest[] } | undefined;
  /** Everything that the image consists of, its manifests included. */
  readonly contents: readonly StoredContent[];
}

export interface ImageReaderOptions {
  readonly manifests: Pick<Manifests, 'find' | 'bytes'>;
  readonly blobs: Pick<Blobs, 'size' | 'isLost' | 'open'>;
  /** True if content of the repository is fetched from an upstream when a client pulls it. */
  readonly isMirrored: (repository: RepositoryName) => Promise<boolean>;
  /** Default: images need no signatures. */
  readonly signatures?: SignaturePolicy | undefined;
}

/** Finds the content of images. Fetches nothing from upstreams. */
export interface ImageReader {
  /**
   * Resolves to the image; of an index to the image of `platform`, if given. Rejects with MANIFEST_UNKNOWN, and with UNSUPPORTED
   * (409) if some content is not stored.
   */
  read(name: NamedReference, platform: Platform | undefined): Promise<ExportedImage>;
}

interface Node extends StoredContent {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly manifest: Manifest;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Configs are documents of a few kilobytes. */
const maxConfigBytes = 4 * 1024 * 1024;

const imageConfigs = new Set(['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']);

export function createImageReader({ manifests, blobs, isMirrored, signatures }: ImageReaderOptions): ImageReader {
  async function readNode(name: NamedReference): Promise<Node> {
    const { digest, mediaType, sizeBytes } = await manifests.find(name.repository, name.reference);
    const bytes = await manifests.bytes(digest, sizeBytes);
    const document = JSON.parse(bytes.toString()) as Node['document'];
    return { digest, mediaType, sizeBytes, bytes, manifest: parseManifest(bytes, mediaType), document };
  }

  async function readTop(name: NamedReference): Promise<Node> {
    try {
      return await requireSignature(name, await readNode(name));
    } catch (error) {
      if (isUnknown(error) && (await isMirrored(name.repository))) throw notCached(name.repository, 'the manifest');
      throw error;
    }
  }

  /** An archive is a pull. Rejects with DENIED for an image that needs a signature. */
  async function requireSignature({ repository, reference }: NamedReference, node: Node): Promise<Node> {
    await signatures?.require(repository, { ...node, tag: reference.tag });
    return node;
  }

  /** Returns the child of an index; undefined for an entry that is a blob (BuildKit's older cache format). */
  async function readChild(repository: RepositoryName, { digest }: Descriptor): Promise<Node | undefined> {
    try {
      return await readNode({ repository, reference: { digest } });
    } catch (error) {
      if (isUnknown(error)) return undefined;
      throw error;
    }
  }

  async function requireBlob(repository: RepositoryName, { digest }: Descriptor): Promise<StoredContent> {
    try {
      const sizeBytes = await blobs.size(repository, digest);
      if (!(await blobs.isLost(digest, sizeBytes))) return { digest, sizeBytes };
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
    if (await isMirrored(repository)) throw notCached(repository, digest);
    throw notStored(repository, digest);
  }

  async function contentsOf(repository: RepositoryName, node: Node): Promise<readonly StoredContent[]> {
    const contents: StoredContent[] = [{ digest: node.digest, sizeBytes: node.sizeBytes }];
    for (const blob of node.manifest.blobs) contents.push(await requireBlob(repository, blob));
    for (const entry of node.manifest.children) {
      const child = await readChild(repository, entry);
      contents.push(...(child ? await contentsOf(repository, child) : [await requireBlob(repository, entry)]));
    }
    return contents;
  }

  async function platformOf(repository: RepositoryName, { manifest }: Node): Promise<Platform | undefined> {
    const [config] = manifest.blobs;
    if (!config || !imageConfigs.has(config.mediaType) || config.sizeBytes > maxConfigBytes) return undefined;
    await requireBlob(repository, config);
    const object = await blobs.open(config.digest, config.sizeBytes);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of object.stream()) chunks.push(Buffer.from(chunk));
      return readPlatform(JSON.parse(Buffer.concat(chunks).toString()));
    } finally {
      await object.close();
    }
  }

  /** Returns the image of the platform, of an index or the image itself. */
  async function select(name: NamedReference, top: Node, platform: Platform): Promise<Node> {
    if (!isIndex(top)) {
      const actual = await platformOf(name.repository, top);
      if (matchesPlatform(platform, actual)) return top;
      throw otherPlatform(name, platform, actual ? [platformName(actual)] : []);
    }
    const entries = indexEntries(top.manifest, top.document);
    const chosen = entries.find((entry) => matchesPlatform(platform, entry.platform));
    if (!chosen) throw otherPlatform(name, platform, entries.flatMap((entry) => entry.platform ?? []).map(platformName));
    const child = await readChild(name.repository, chosen.descriptor);
    if (child) return child;
    const { digest } = chosen.descriptor;
    throw (await isMirrored(name.repository)) ? notCached(name.repository, digest) : notStored(name.repository, digest);
  }

  /** Returns the image that `docker load` gets: of an index the one for linux/amd64, else the first one with a platform. */
  async function loadableOf(repository: RepositoryName, node: Node): Promise<ExportedImage['loadable']> {
    if (!isIndex(node)) return toLoadable(node);
    const entries = platformEntries(node.manifest, node.document);
    const chosen = entries.find(({ platform }) => matchesPlatform(defaultPlatform, platform)) ?? entries[0];
    const child = chosen && (await readChild(repository, chosen.descriptor));
    return child && toLoadable(child);
  }

  return {
    async read(name, platform) {
      const top = await readTop(name);
      const node = platform ? await select(name, top, platform) : top;
      const { digest, mediaType, sizeBytes } = node;
      const contents = await contentsOf(name.repository, node);
      const loadable = await loadableOf(name.repository, node);
      return { ...name, digest, mediaType, sizeBytes, platform, loadable, contents };
    },
  };
}

function isIndex({ manifest, document }: Node): boolean {
  return manifest.children.length > 0 || Array.isArray(document['manifests']);
}

function toLoadable({ manifest, document }: Node): ExportedImage['loadable'] {
  const [config, ...layers] = manifest.blobs;
  if (!config || !imageConfigs.has(config.mediaType)) return undefined;
  const listed = (document['layers'] ?? []) as readonly { readonly mediaType: string }[];
  if (listed.some(({ mediaType }) => isNonDistributable(mediaType))) return undefined;
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}

function isUnknown(error: unknown): boolean {
  return error instanceof OciError && (error.code === 'MANIFEST_UNKNOWN' || error.code === 'BLOB_UNKNOWN');
}

function notCached(repository: RepositoryName, what: string): OciError {
  const message =
    `${what} of ${repository} is not cached: the repository is mirrored, and an archive is made of stored content only. ` +
    'Pull the image through this registry, or run berth preheat for it, and try again';
  return new OciError('UNSUPPORTED', { status: 409, message, detail: { repository, action: 'fetch' } });
}

function notStored(repository: RepositoryName, digest: Digest): OciError {
  const message = `${digest} is listed by the image, but is not stored in ${repository}: push it, or choose a platform that is stored`;
  return new OciError('UNSUPPORTED', { status: 409, message, detail: { repository, digest } });
}

function otherPlatform({ repository }: NamedReference, wanted: Platform, actual: readonly string[]): OciError {
  const has = actual.length === 0 ? 'it names no platform' : `it has ${actual.join(', ')}`;
  const message = `the image of ${repository} is not for ${platformName(wanted)}: ${has}`;
  return new OciError('MANIFEST_UNKNOWN', { message, detail: { platforms: actual } });
}
