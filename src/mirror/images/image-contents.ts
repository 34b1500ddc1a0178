import type { OpenObject } from '../../../storage/blobs/driver.ts';
import type { Digest } from '../../oci/digest.ts';
import { isManifestType } from '../../oci/media-types.ts';
import type { Reference } from '../../oci/reference.ts';
import { readManifestContents } from '../remote/manifest-contents.ts';
import type { ImageName } from './image-name.ts';
import type { BackgroundMirror } from '../mirror.ts';
import type { Platforms } from './platforms.ts';
import type { MirroredRepository } from '../names/routing.ts';

/** The part of a mirror that images are fetched through. */
export type ImageSource = BackgroundMirror;

export interface ContentsOptions {
  readonly mirror: ImageSource;
  /** Reads a stored manifest. */
  readonly manifestBytes: (digest: Digest, sizeBytes: number) => Promise<Buffer>;
  readonly platforms: Platforms;
}

/** Everything of an image that a client would pull. */
export interface ImageContents {
  readonly manifests: ReadonlySet<Digest>;
  /** With their sizes in bytes. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Wanted platforms that its index does not list. */
  readonly missingPlatforms: readonly string[];
  /** Platforms that its index lists. */
  readonly listedPlatforms: readonly string[];
}

/** Rejects where the image is no upstream's. */
export async function locateImage({ host, name }: ImageName, mirror: ImageSource): Promise<MirroredRepository> {
  const ownHost = () => '';
  const mayKnow = () => Promise.resolve(true);
  const source = await mirror.locate({ prefix: undefined, namespace: host, ownHost, name, mayKnow });
  if (!source || source.isPushed) throw new Error(`${host}/${name} was pushed here`);
  return source;
}

/** Fetches the image's manifests; of an index those of the wanted platforms. */
export async function contentsOf(
  source: MirroredRepository,
  reference: Reference,
  { mirror, manifestBytes, platforms }: ContentsOptions,
): Promise<ImageContents> {
  const manifests = new Set<Digest>();
  const blobs = new Map<Digest, number>();
  const listed = new Set<string>();
  const children = new Set<Digest>();

  async function add(wanted: Reference): Promise<void> {
    const served = await mirror.manifest(source, wanted, true);
    const bytes = served.bytes ?? (await manifestBytes(served.digest, served.sizeBytes));
    const contents = readManifestContents(bytes, served.mediaType);
    if (!contents) throw new Error(`${served.digest} is no manifest`);
    manifests.add(served.digest);
    const entries = contents.children.length === 0 ? [] : entriesOf(bytes);
    const layers = entries.filter(({ mediaType }) => !isManifestType(mediaType));
    for (const { digest, sizeBytes = 0 } of contents.blobs) blobs.set(digest, sizeBytes);
    for (const { digest, size } of layers) blobs.set(digest, size);
    for (const entry of entries.filter(({ mediaType }) => isManifestType(mediaType))) {
      const { digest } = entry;
      children.add(digest);
      for (const name of platformNames(entry)) listed.add(name);
      if (isWanted(entry, platforms) && !manifests.has(digest)) await add({ digest });
    }
  }

  await add(reference);
  const missingPlatforms = children.size > 0 ? (platforms ?? []).filter((name) => !listed.has(name)) : [];
  return { manifests, blobs, missingPlatforms, listedPlatforms: [...listed] };
}

/** Fetches the whole blob; false if it was stored already. */
export async function fetchBlob(
  mirror: ImageSource,
  source: MirroredRepository,
  digest: Digest,
  onBytes: (bytes: number) => void,
): Promise<boolean> {
  const { cache } = await mirror.blob(source, digest, false);
  if (cache !== 'HIT') await mirror.markWanted(digest);
  const { open } = await mirror.blob(source, digest, true);
  if (open) await drain(open(), onBytes);
  return open !== undefined;
}

async function drain(object: OpenObject, onBytes: (bytes: number) => void): Promise<void> {
  try {
    for await (const chunk of object.stream()) onBytes(chunk.length);
  } finally {
    await object.close();
  }
}

/** An entry of an index: a manifest, or a blob in BuildKit's older cache format. */
interface Entry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
}

function entriesOf(index: Buffer): readonly Entry[] {
  return (JSON.parse(index.toString()) as { readonly manifests: readonly Entry[] }).manifests;
}

function isWanted(entry: Entry, platforms: Platforms): boolean {
  return !platforms || platformNames(entry).some((name) => platforms.includes(name));
}

/** `linux/arm64` and `linux/arm64/v8` both name an entry for `linux/arm64/v8`; none for attestations and the like. */
function platformNames({ platform: { os = '', architecture = '', variant = '' } = {} }: Entry): readonly string[] {
  const name = `${os}/${architecture}`;
  if (os === '' || os === 'unknown') return [];
  return variant === '' ? [name] : [name, `${name}/${variant}`];
}
