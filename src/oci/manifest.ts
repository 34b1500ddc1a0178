import { type Descriptor, parseDescriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { InvalidManifest, type JsonObject, optionalArray, optionalString, optionalStringMap } from './json-fields.ts';
import { isNonDistributable, isSchema1, mediaTypes } from './media-types.ts';
import { JsonError, parseStrictJson } from './strict-json.ts';

/** The parts of a manifest that a registry needs: image-spec manifest.md and image-index.md, Docker schema 2. */
export interface Manifest {
  readonly mediaType: string;
  /** Shown and filtered by the referrers API. */
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Blobs that the registry must hold: config and layers, without non-distributable ones. */
  readonly blobs: readonly Descriptor[];
  /** Number of non-distributable layers, which clients get elsewhere. */
  readonly foreignLayers: number;
  /** The entries of an index: manifests, but for indexes that clients use as a list of blobs (BuildKit's older cache format). */
  readonly children: readonly Descriptor[];
}

/** More references than any real artifact has, and few enough to be checked in one transaction. */
export const maxReferences = 4096;

type Shape = 'image' | 'index' | 'artifact';

const shapes: Readonly<Record<string, Shape>> = {
  [mediaTypes.ociManifest]: 'image',
  [mediaTypes.dockerManifest]: 'image',
  [mediaTypes.ociIndex]: 'index',
  [mediaTypes.dockerList]: 'index',
  [mediaTypes.ociArtifact]: 'artifact',
};

/**
 * The fields that make a document one shape. In a document of another shape they would give it a second meaning
 * (CVE-2021-41190).
 */
const ownFields: Readonly<Record<Shape, readonly string[]>> = {
  image: ['config', 'layers'],
  index: ['manifests'],
  artifact: ['blobs'],
};

/**
 * Parses and checks a manifest. `contentType` is the request's header, without parameters; '' if there was none.
 * Throws `InvalidManifest`.
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  if (isSchema1(contentType)) throw new InvalidManifest(schema1Message);
  const document = parseDocument(bytes);
  const mediaType = checkMediaType(document, contentType);
  const shape = shapes[mediaType];
  if (!shape) throw new InvalidManifest(`media type ${mediaType.slice(0, 120)} is not that of a manifest`);
  refuseOtherShapes(document, shape);
  const subject = document['subject'] ?? undefined;
  const manifest = {
    mediaType,
    subject: subject === undefined ? undefined : parseDescriptor(subject, 'subject').digest,
    annotations: optionalStringMap(document, 'annotations'),
    ...parseReferences(document, shape),
  };
  refuseTooMany(manifest.blobs.length + manifest.children.length);
  return manifest;
}

const schema1Message = 'schema 1 manifests are not supported: push again with a current client (Docker 1.10 or newer)';

function parseDocument(bytes: Uint8Array): JsonObject {
  let document: unknown;
  try {
    document = parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw new InvalidManifest(error.message);
    throw error;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new InvalidManifest('not a JSON object');
  return document as JsonObject;
}

function checkMediaType(document: JsonObject, contentType: string): string {
  if (document['schemaVersion'] === 1) throw new InvalidManifest(schema1Message);
  const declared = optionalString(document, 'mediaType', 'manifest');
  if (contentType && declared !== undefined && declared !== contentType) {
    throw new InvalidManifest(`mediaType ${declared.slice(0, 120)} is not the Content-Type ${contentType.slice(0, 120)}`);
  }
  const mediaType = contentType || declared;
  if (!mediaType) throw new InvalidManifest('neither Content-Type nor mediaType says what this manifest is');
  if (mediaType !== mediaTypes.ociArtifact && document['schemaVersion'] !== 2)
    throw new InvalidManifest('schemaVersion is not 2');
  return mediaType;
}

function refuseOtherShapes(document: JsonObject, shape: Shape): void {
  for (const [other, fields] of Object.entries(ownFields)) {
    const foreign = other === shape ? undefined : fields.find((field) => field in document);
    if (foreign !== undefined) throw new InvalidManifest(`an ${shape} manifest with the field ${foreign} is ambiguous`);
  }
}

function parseReferences(
  document: JsonObject,
  shape: Shape,
): Pick<Manifest, 'blobs' | 'foreignLayers' | 'children' | 'artifactType'> {
  const artifactType = optionalString(document, 'artifactType', 'manifest');
  const none = { blobs: [], foreignLayers: 0, children: [], artifactType };
  if (shape === 'index') return { ...none, children: descriptors(document, 'manifests') };
  if (shape === 'artifact') return { ...none, blobs: descriptors(document, 'blobs') };
  const config = parseDescriptor(document['config'], 'config');
  const listed = descriptors(document, 'layers');
  const layers = listed.filter((layer) => !isNonDistributable(layer.mediaType));
  const foreignLayers = listed.length - layers.length;
  // "If the artifactType is empty or missing, then set to the config descriptor mediaType" (distribution-spec, listing referrers)
  return { blobs: [config, ...layers], foreignLayers, children: [], artifactType: artifactType || config.mediaType };
}

function descriptors(document: JsonObject, key: string): readonly Descriptor[] {
  const values = optionalArray(document, key);
  refuseTooMany(values.length);
  return values.map((value, index) => parseDescriptor(value, `${key}[${index}]`));
}

function refuseTooMany(references: number): void {
  if (references > maxReferences) throw new InvalidManifest(`${references} references: at most ${maxReferences} are allowed`);
}
