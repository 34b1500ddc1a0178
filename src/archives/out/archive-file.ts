import { createHash } from 'node:crypto';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import { type Digest, digestAlgorithm } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { platformName } from '../../oci/platform.ts';
import { endOfArchive, fileHeader, paddingOf } from '../tar/header.ts';
import type { ExportedImage, StoredContent } from './images.ts';

/** A part of the archive that is a range of a stored object. */
export interface StoredPart {
  readonly content: StoredContent;
  readonly range: ByteRange;
}

export type ArchivePart = { readonly bytes: Buffer } | StoredPart;

/** A tar file that exists only as the list of its parts. The same images always make the same bytes. */
export interface ArchiveFile {
  readonly sizeBytes: number;
  /** Changes whenever a byte of the file does. With quotes. */
  readonly etag: string;
  readonly images: readonly ExportedImage[];
  /** Yields the parts of a range, in order; their lengths add up to that of the range. */
  parts(range?: ByteRange): Generator<ArchivePart>;
}

interface Segment {
  readonly start: number;
  readonly sizeBytes: number;
  readonly source: Buffer | StoredContent;
}

export interface ArchiveFileOptions {
  /** Host in front of the names of images, such as `registry.example.com`. Default: none. */
  readonly host?: string | undefined;
}

/**
 * Describes the archive of images: an OCI image layout (image-spec, image-layout.md) with the `manifest.json` that
 * `docker load` reads. Content that several images have is in it once.
 */
export function createArchiveFile(images: readonly ExportedImage[], { host }: ArchiveFileOptions = {}): ArchiveFile {
  const files: (readonly [path: string, source: Buffer | StoredContent])[] = [
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(indexOf(images, host))],
  ];
  const dockerImages = dockerManifest(images, host);
  if (dockerImages.length > 0) files.push(['manifest.json', json(dockerImages)]);
  for (const content of distinct(images)) files.push([blobPath(content.digest), content]);
  const segments = [...segmentsOf(files)];
  const last = segments.at(-1);
  const sizeBytes = last ? last.start + last.sizeBytes : 0;
  return {
    sizeBytes,
    etag: etagOf(segments),
    images,
    *parts({ first, last } = { first: 0, last: sizeBytes - 1 }) {
      for (let index = segmentAt(segments, first); index < segments.length; index++) {
        const segment = segments[index];
        if (!segment || segment.start > last) return;
        if (segment.sizeBytes === 0) continue;
        const from = Math.max(first - segment.start, 0);
        const to = Math.min(last - segment.start, segment.sizeBytes - 1);
        yield Buffer.isBuffer(segment.source)
          ? { bytes: segment.source.subarray(from, to + 1) }
          : { content: segment.source, range: { first: from, last: to } };
      }
    },
  };
}

/** Returns the path of content in an OCI image layout. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function* segmentsOf(files: readonly (readonly [string, Buffer | StoredContent])[]): Generator<Segment> {
  let start = 0;
  const place = (source: Buffer | StoredContent): Segment => {
    const sizeBytes = Buffer.isBuffer(source) ? source.length : source.sizeBytes;
    const segment = { start, sizeBytes, source };
    start += sizeBytes;
    return segment;
  };
  for (const [path, source] of files) {
    const sizeBytes = Buffer.isBuffer(source) ? source.length : source.sizeBytes;
    yield place(fileHeader(path, sizeBytes));
    yield place(source);
    yield place(Buffer.alloc(paddingOf(sizeBytes)));
  }
  yield place(endOfArchive);
}

/** Returns the index of the last segment that begins at or before `position`. */
function segmentAt(segments: readonly Segment[], position: number): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((segments[middle]?.start ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Returns the content of the images once each, in the order of digests. */
function distinct(images: readonly ExportedImage[]): readonly StoredContent[] {
  const all = new Map(images.flatMap(({ contents }) => contents.map((content) => [content.digest, content] as const)));
  return [...all.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}

/** Content is named by its digest, so the bytes between it decide. */
function etagOf(segments: readonly Segment[]): string {
  const hash = createHash('sha256');
  for (const { source } of segments) hash.update(Buffer.isBuffer(source) ? source : source.digest);
  return `"${hash.digest('hex')}"`;
}

const tagAnnotation = 'org.opencontainers.image.ref.name';
const nameAnnotation = 'io.containerd.image.name';

function indexOf(images: readonly ExportedImage[], host: string | undefined) {
  const tags = images.flatMap(({ reference }) => reference.tag ?? []);
  const manifests = images.map((image) => {
    const { mediaType, digest, sizeBytes, platform, reference } = image;
    const name = nameOf(image, host);
    const isAmbiguous = tags.filter((tag) => tag === reference.tag).length > 1;
    return {
      mediaType,
      digest,
      size: sizeBytes,
      ...(platform ? { platform: toJson(platform) } : {}),
      ...(name === undefined
        ? {}
        : { annotations: { [nameAnnotation]: containerdName(name), [tagAnnotation]: isAmbiguous ? name : reference.tag } }),
    };
  });
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

function toJson({ os, architecture, variant }: NonNullable<ExportedImage['platform']>) {
  return { architecture, os, ...(variant === '' ? {} : { variant }) };
}

/** The name of an image with a tag, as `docker pull` takes it. */
function nameOf({ repository, reference }: ExportedImage, host: string | undefined): string | undefined {
  if (reference.tag === undefined) return undefined;
  return `${host === undefined ? '' : `${host}/`}${repository}:${reference.tag}`;
}

/** The name in full: tools complete short names with Docker Hub. */
function containerdName(name: string): string {
  const [first = '', ...others] = name.split('/');
  if (others.length === 0) return `docker.io/library/${name}`;
  return /[.:]|^localhost$/.test(first) ? name : `docker.io/${name}`;
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags: string[];
  readonly Layers: readonly string[];
}

/** Returns the `manifest.json` of `docker save`: an entry for each image with its names. */
function dockerManifest(images: readonly ExportedImage[], host: string | undefined): readonly DockerImage[] {
  const entries = new Map<string, DockerImage>();
  for (const image of images) {
    if (!image.loadable) continue;
    const { config, layers } = image.loadable;
    const key = [config, ...layers].join(' ');
    const entry = entries.get(key) ?? { Config: blobPath(config), RepoTags: [], Layers: layers.map(blobPath) };
    const name = nameOf(image, host);
    if (name !== undefined && !entry.RepoTags.includes(name)) entry.RepoTags.push(name);
    entries.set(key, entry);
  }
  return [...entries.values()];
}

/** Returns a name for the file: `app-1.2.tar`, with the platform if one was chosen. */
export function fileNameOf(images: readonly ExportedImage[]): string {
  const [image] = images;
  if (!image) return 'images.tar';
  const name = image.repository.slice(image.repository.lastIndexOf('/') + 1);
  const { tag, digest } = image.reference;
  const version = tag ?? digest.slice(digestAlgorithm(digest).length + 1).slice(0, 12);
  const platform = image.platform ? `-${platformName(image.platform).replaceAll('/', '-')}` : '';
  return images.length === 1 ? `${name}-${version}${platform}.tar` : `${name}-and-${images.length - 1}-more.tar`;
}
