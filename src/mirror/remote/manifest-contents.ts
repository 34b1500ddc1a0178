import { type Digest, parseDigest } from '../../oci/digest.ts';
import { isNonDistributable, mediaTypes } from '../../oci/media-types.ts';

/**
 * The content that a manifest of an upstream lists. Upstreams serve documents that a push may not contain (schema 1,
 * repeated keys, layers without a size), and clients take them: they are read as far as they can be, and never refused
 * for what they name.
 */
export interface ManifestContents {
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly blobs: readonly NamedContent[];
  /** The manifests of an index. */
  readonly children: readonly ChildManifest[];
}

export interface NamedContent {
  readonly digest: Digest;
  /** Undefined where the manifest does not say. */
  readonly sizeBytes: number | undefined;
}

export interface ChildManifest extends NamedContent {
  /** Names the platform, the same in all indexes: `linux/arm64/v8`. Undefined for attestations and the like. */
  readonly platform: string | undefined;
}

/** Limit for one manifest, so that storing it is one short transaction; the size of further content is requested by HEAD. */
const maxContents = 4096;
/** Of all annotations together: listings of referrers carry them. */
const maxAnnotationCharacters = 64 * 1024;

const schema1 = 'application/vnd.docker.distribution.manifest.v1+json';
/** Types that upstreams give to any JSON document. */
const genericTypes = new Set([
  '',
  'application/json',
  'text/plain',
  'text/json',
  'application/octet-stream',
  'binary/octet-stream',
]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a manifest. `contentType` is the response's header, without parameters; '' if there was none. Undefined for what is
 * no manifest at all, such as a login page.
 */
export function readManifestContents(bytes: Buffer, contentType: string): ManifestContents | undefined {
  const document = parseObject(bytes);
  if (!document) return undefined;
  const mediaType = mediaTypeOf(document, contentType);
  if (mediaType === undefined) return undefined;
  const config = contentOf(document['config']);
  const layers = fieldsIn(document['layers']).filter((layer) => !isNonDistributable(textOf(layer['mediaType']) ?? ''));
  const blobs = [config, ...layers.map(contentOf), ...fieldsIn(document['blobs']).map(contentOf), ...schema1Layers(document)];
  return {
    mediaType,
    artifactType: textOf(document['artifactType']) || textOf(asFields(document['config'])?.['mediaType']),
    subject: contentOf(document['subject'])?.digest,
    annotations: annotationsOf(document),
    blobs: distinct(blobs),
    children: distinct(fieldsIn(document['manifests']).map(childOf)),
  };
}

/** True if the type says what kind of manifest a document is. */
export function isSpecificType(mediaType: string): boolean {
  return !genericTypes.has(mediaType);
}

function parseObject(bytes: Buffer): Fields | undefined {
  try {
    return asFields(JSON.parse(bytes.toString()));
  } catch {
    return undefined;
  }
}

/** The type as the upstream sent it; where that is generic the document's own, or the one of its form. */
function mediaTypeOf(document: Fields, contentType: string): string | undefined {
  if (contentType.startsWith('application/vnd.')) return contentType;
  const declared = textOf(document['mediaType']);
  if (declared) return declared;
  if (document['schemaVersion'] === 1) return schema1;
  if (Array.isArray(document['manifests'])) return mediaTypes.ociIndex;
  return Array.isArray(document['layers']) ? mediaTypes.ociManifest : undefined;
}

/** Schema 1 names layers without their sizes. */
function schema1Layers(document: Fields): readonly (NamedContent | undefined)[] {
  return fieldsIn(document['fsLayers']).map(({ blobSum }) => contentOf({ digest: blobSum }));
}

function contentOf(descriptor: unknown): NamedContent | undefined {
  const fields = asFields(descriptor);
  const digest = parseDigest(textOf(fields?.['digest']) ?? '');
  const size = fields?.['size'];
  const sizeBytes = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  return digest && { digest, sizeBytes };
}

function childOf(descriptor: Fields): ChildManifest | undefined {
  const content = contentOf(descriptor);
  return content && { ...content, platform: platformOf(asFields(descriptor['platform'])) };
}

function platformOf(platform: Fields | undefined): string | undefined {
  const os = textOf(platform?.['os']) ?? '';
  if (os === '' || os === 'unknown') return undefined;
  // Windows: clients choose by the build, the first three numbers of 10.0.20348.2113; the fourth changes with each image.
  const build = textOf(platform?.['os.version'])?.split('.').slice(0, 3).join('.');
  const parts = [os, textOf(platform?.['architecture']), textOf(platform?.['variant']), build];
  return parts.filter((part) => part !== undefined && part !== '').join('/');
}

function distinct<Content extends NamedContent>(contents: readonly (Content | undefined)[]): readonly Content[] {
  const byDigest = new Map(contents.flatMap((content) => (content ? [[content.digest, content]] : [])));
  return [...byDigest.values()].slice(0, maxContents);
}

function annotationsOf(document: Fields): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(asFields(document['annotations']) ?? {});
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const characters = texts.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return texts.length === 0 || characters > maxAnnotationCharacters ? undefined : Object.fromEntries(texts);
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function fieldsIn(value: unknown): readonly Fields[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  return items.map(asFields).filter((fields) => fields !== undefined);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
