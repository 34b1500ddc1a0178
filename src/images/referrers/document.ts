import { fieldsOf } from '../../oci/foreign-json.ts';
import { readCycloneDx } from './cyclonedx.ts';
import { unwrap } from './envelope.ts';
import { type Provenance, isProvenance, readProvenance } from './provenance.ts';
import type { Sbom } from './sbom.ts';
import { readSpdx } from './spdx.ts';

/** A document of another kind, or one that cannot be read. */
export interface OtherDocument {
  readonly kind: 'other' | 'unread';
  /** Predicate type of an attestation, or ''. */
  readonly format: string;
  /** Why the document cannot be read; '' for another kind. */
  readonly reason: string;
}

/** A document that is attached to an image. */
export type ReferrerDocument = Sbom | Provenance | OtherDocument;

/** Most envelopes inside of each other; deeper nesting is an attack. */
const maxWrappers = 4;

/**
 * Reads a document that a tool attached to an image: an SBOM or provenance, alone or in an envelope. Fields of another type than
 * the specification says are left out.
 */
export function readDocument(bytes: Uint8Array): ReferrerDocument {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return { kind: 'unread', format: '', reason: 'the document is not JSON' };
  }
  return readValue(value, '', maxWrappers);
}

function readValue(value: unknown, format: string, wrappers: number): ReferrerDocument {
  const fields = fieldsOf(value);
  const inner = wrappers === 0 ? undefined : unwrap(fields);
  if (inner) return inner.kind === 'unread' ? inner : readValue(inner.value, inner.format || format, wrappers - 1);
  if (typeof fields['spdxVersion'] === 'string') return readSpdx(fields);
  if (fields['bomFormat'] === 'CycloneDX') return readCycloneDx(fields);
  if (isProvenance(format)) return readProvenance(fields, format);
  if (format.includes('spdx') || format.includes('cyclonedx') || '@graph' in fields)
    return { kind: 'unread', format, reason: 'only SPDX 2 and CycloneDX documents in JSON are read' };
  return { kind: 'other', format, reason: '' };
}
