import { InvalidManifest } from './json-fields.ts';
import type { Manifest } from './manifest.ts';
import type { Digest } from './digest.ts';

/** The fields of a manifest that are recorded beside its bytes, for listings of referrers and for searches. */
export interface IndexedFields {
  readonly artifactType: string | null;
  readonly subject: Digest | null;
  /** JSON object, or null. */
  readonly annotations: string | null;
}

/** Largest annotations of referrers, in bytes: a listing has them, and must fit several referrers in a page. */
const maxReferrerBytes = 256 * 1024;
/** Largest annotations of other manifests, in bytes: of larger ones only the description is recorded, for searches. */
const maxOtherBytes = 64 * 1024;
/** A media type has two names of at most 127 characters (RFC 6838, 4.2). */
const longestArtifactType = 255;

const description = 'org.opencontainers.image.description';
const longestDescription = 1000;

/**
 * Returns the recorded fields of a pushed manifest. Throws `InvalidManifest` if the annotations of a referrer have more than
 * 256 KiB, or the artifact type has more than 255 characters: listings of referrers contain both.
 */
export function indexedFields({ artifactType, subject, annotations }: Manifest): IndexedFields {
  if ((artifactType?.length ?? 0) > longestArtifactType)
    throw new InvalidManifest(`artifactType has more than ${longestArtifactType} characters`);
  return {
    artifactType: artifactType ?? null,
    subject: subject ?? null,
    annotations: annotations === undefined ? null : (subject === undefined ? describing : listed)(annotations),
  };
}

type Annotations = Readonly<Record<string, string>>;

function listed(annotations: Annotations): string {
  const text = JSON.stringify(annotations);
  if (Buffer.byteLength(text) > maxReferrerBytes)
    throw new InvalidManifest(`the annotations of a manifest with a subject have more than ${maxReferrerBytes} bytes`);
  return text;
}

function describing(annotations: Annotations): string | null {
  const text = JSON.stringify(annotations);
  if (Buffer.byteLength(text) <= maxOtherBytes) return text;
  const said = annotations[description];
  return said === undefined ? null : JSON.stringify({ [description]: said.slice(0, longestDescription) });
}
