import type { AdoptedManifest } from '../../../storage/metadata/queries/adoption/content.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import { type Digest, digestAlgorithm, digestOf } from '../../oci/digest.ts';
import { indexedFields } from '../../oci/indexed-fields.ts';
import { InvalidManifest } from '../../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { isManifestType, mediaTypes } from '../../oci/media-types.ts';
import type { OddityKind } from './oddities.ts';

export interface FoundOddity {
  readonly kind: OddityKind;
  readonly detail: string;
}

/** A manifest of the store. `manifest` is undefined if berth cannot serve it: then there is an oddity that says why. */
export interface ReadManifest {
  readonly manifest:
    (Omit<AdoptedManifest, 'repository' | 'modifiedAt' | 'path'> & Pick<Manifest, 'blobs' | 'children'>) | undefined;
  readonly oddities: readonly FoundOddity[];
}

function refused(kind: OddityKind, detail: string): ReadManifest {
  return { manifest: undefined, oddities: [{ kind, detail }] };
}

/** Reads a manifest and verifies its digest. */
export async function readManifest(driver: Pick<BlobDriver, 'read'>, digest: Digest, maxBytes: number): Promise<ReadManifest> {
  const object = await unlessMissing(driver.read(blobKey(digest)));
  if (!object) return refused('missing-manifest', digest);
  try {
    if (object.sizeBytes > maxBytes) return refused('invalid-manifest', `it has ${object.sizeBytes} bytes`);
    const bytes = await readAll(object);
    const actual = digestOf(bytes, digestAlgorithm(digest));
    return actual === digest ? parse(bytes, digest) : refused('damaged-manifest', `they have ${actual}`);
  } finally {
    await object.close();
  }
}

function parse(bytes: Buffer, digest: Digest): ReadManifest {
  try {
    const inferred = inferMediaType(bytes);
    const manifest = parseManifest(bytes, inferred ?? '');
    const { blobs, children } = manifest;
    const references = [...blobs, ...children].map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
    const oddities: FoundOddity[] = [];
    if (inferred !== undefined) oddities.push({ kind: 'no-media-type', detail: inferred });
    if (children.some(({ mediaType }) => !isManifestType(mediaType))) oddities.push({ kind: 'index-of-layers', detail: '' });
    const facts = { digest, mediaType: manifest.mediaType, sizeBytes: bytes.length, ...indexedFields(manifest), references };
    return { manifest: { ...facts, blobs, children }, oddities };
  } catch (error) {
    if (!(error instanceof InvalidManifest)) throw error;
    return isSchema1Document(bytes) ? refused('schema-1', '') : refused('invalid-manifest', error.message);
  }
}

/**
 * Returns the media type of a manifest that names none, as the other registry infers it: OCI, and an index if there are
 * `manifests`. Undefined if the manifest has one, or is not JSON.
 */
function inferMediaType(bytes: Buffer): string | undefined {
  const document = parseLoosely(bytes);
  if (document?.['schemaVersion'] !== 2 || document['mediaType']) return undefined;
  return 'manifests' in document ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}

function isSchema1Document(bytes: Buffer): boolean {
  return parseLoosely(bytes)?.['schemaVersion'] === 1;
}

function parseLoosely(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const document: unknown = JSON.parse(bytes.toString());
    return typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
