/** The documents that tools attach to images: SBOMs, provenance, and what they are wrapped in. */

/** A package of an SBOM. Texts are '' where the document has none. */
export interface SbomPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Package URL. */
  readonly purl: string;
}

export interface Sbom {
  readonly kind: 'sbom';
  /** Such as `SPDX-2.3` or `CycloneDX 1.6`. */
  readonly format: string;
  /** At most 50,000, ascending by name. */
  readonly packages: readonly SbomPackage[];
  /** True if the document has more. */
  readonly hasMore: boolean;
}

/** How an image was built (SLSA). Texts are '' where the document has none. */
export interface Provenance {
  readonly kind: 'provenance';
  /** Predicate type. */
  readonly format: string;
  readonly builder: string;
  readonly buildType: string;
  readonly source: string;
  readonly commit: string;
  /** At most 200 of what the build used. */
  readonly materials: readonly string[];
}

/** A document of another kind, or one that cannot be read. */
export interface OtherDocument {
  readonly kind: 'other' | 'unread';
  /** Predicate type of an attestation, or ''. */
  readonly format: string;
  /** Why the document cannot be read; '' for another kind. */
  readonly reason: string;
}

export type ReferrerDocument = Sbom | Provenance | OtherDocument;

export const maxPackages = 50_000;
const maxMaterials = 200;
const maxTextLength = 500;
/** An envelope in an envelope in … is made to hurt. */
const maxWrappers = 4;

type Fields = Readonly<Record<string, unknown>>;

/** Reads a document. What has another type than its specification says is left out. */
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

type Unwrapped =
  | { readonly kind: 'value'; readonly value: unknown; readonly format: string }
  | { readonly kind: 'unread'; readonly format: string; readonly reason: string };

/** Takes a document out of a bundle of Sigstore, an envelope (DSSE), a statement (in-toto), or cosign's `Data`. */
function unwrap(fields: Fields): Unwrapped | undefined {
  if (isFields(fields['dsseEnvelope'])) return { kind: 'value', value: fields['dsseEnvelope'], format: '' };
  if (typeof fields['payload'] === 'string' && typeof fields['payloadType'] === 'string') {
    return parseText(Buffer.from(fields['payload'], 'base64').toString(), '');
  }
  const format = textOf(fields['predicateType']);
  if (format !== '' && isFields(fields['predicate'])) {
    const data = fields['predicate']['Data'];
    // cosign before 2.0 kept an SBOM as text.
    if (typeof data === 'string') return parseText(data, format);
    return { kind: 'value', value: isFields(data) ? data : fields['predicate'], format };
  }
  return undefined;
}

function parseText(text: string, format: string): Unwrapped {
  try {
    return { kind: 'value', value: JSON.parse(text) as unknown, format };
  } catch {
    return { kind: 'unread', format, reason: 'the content of the envelope is not JSON' };
  }
}

export function isProvenance(predicateType: string): boolean {
  return predicateType.startsWith('https://slsa.dev/provenance/');
}

function readSpdx(document: Fields): Sbom {
  const packages = itemsOf(document['packages']).map((fields) => {
    const purl = itemsOf(fields['externalRefs']).find(({ referenceType }) => referenceType === 'purl');
    return {
      name: textOf(fields['name']),
      version: textOf(fields['versionInfo']),
      license: licenseOf(fields['licenseConcluded']) || licenseOf(fields['licenseDeclared']),
      purl: textOf(purl?.['referenceLocator']),
    };
  });
  return toSbom(textOf(document['spdxVersion']), packages);
}

/** Returns the packages whose name or package URL contains a text, in any case. */
export function findPackages(packages: readonly SbomPackage[], text: string): readonly SbomPackage[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return packages;
  return packages.filter(({ name, purl }) => name.toLowerCase().includes(wanted) || purl.toLowerCase().includes(wanted));
}

function licenseOf(value: unknown): string {
  const text = textOf(value);
  return text === 'NOASSERTION' || text === 'NONE' ? '' : text;
}

function readCycloneDx(document: Fields): Sbom {
  const packages: SbomPackage[] = [];
  const waiting = [itemsOf(document['components'])];
  // Components may contain components.
  for (let list = waiting.pop(); list; list = waiting.pop()) {
    for (const fields of list) {
      if (packages.length > maxPackages) break;
      if (fields['type'] !== 'file') packages.push(toComponent(fields));
      const nested = itemsOf(fields['components']);
      if (nested.length > 0) waiting.push(nested);
    }
  }
  return toSbom(`CycloneDX ${textOf(document['specVersion'])}`.trim(), packages);
}

function toComponent(fields: Fields): SbomPackage {
  const group = textOf(fields['group']);
  const name = textOf(fields['name']);
  const licenses = itemsOf(fields['licenses']).map((item) => {
    const license = fieldsOf(item['license']);
    return textOf(item['expression']) || textOf(license['id']) || textOf(license['name']);
  });
  return {
    name: group === '' ? name : `${group}/${name}`,
    version: textOf(fields['version']),
    license: licenses
      .filter((text) => text !== '')
      .join(', ')
      .slice(0, maxTextLength),
    purl: textOf(fields['purl']),
  };
}

function toSbom(format: string, found: readonly SbomPackage[]): Sbom {
  const packages = found
    .slice(0, maxPackages)
    .sort((one, other) => compare(one.name, other.name) || compare(one.version, other.version));
  return { kind: 'sbom', format, packages, hasMore: found.length > maxPackages };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Reads SLSA 0.1, 0.2 and 1, with what BuildKit adds about the source. */
function readProvenance(predicate: Fields, format: string): Provenance {
  const definition = fieldsOf(predicate['buildDefinition']);
  const details = fieldsOf(predicate['runDetails']);
  const parameters = fieldsOf(definition['externalParameters']);
  const materials = itemsOf(definition['resolvedDependencies'] ?? predicate['materials']);
  const config = fieldsOf(parameters['configSource'] ?? fieldsOf(predicate['invocation'])['configSource']);
  const workflow = fieldsOf(parameters['workflow']);
  const vcs = buildkitSource(predicate, details);
  const repository = materials.find(({ uri }) => textOf(uri).startsWith('git+')) ?? {};
  const digest = { ...fieldsOf(repository['digest']), ...fieldsOf(config['digest']) };
  return {
    kind: 'provenance',
    format,
    builder: textOf(fieldsOf(details['builder'] ?? predicate['builder'])['id']),
    buildType: textOf(definition['buildType'] ?? predicate['buildType']),
    source: textOf(vcs['source']) || textOf(workflow['repository']) || textOf(config['uri']) || textOf(repository['uri']),
    commit: textOf(vcs['revision']) || textOf(digest['gitCommit']) || textOf(digest['sha1']),
    materials: materials.slice(0, maxMaterials).map(({ uri }) => textOf(uri)),
  };
}

function buildkitSource(predicate: Fields, details: Fields): Fields {
  const older = fieldsOf(fieldsOf(predicate['metadata'])['https://mobyproject.org/buildkit@v1#metadata']);
  const newer = fieldsOf(fieldsOf(details['metadata'])['buildkit_metadata']);
  return fieldsOf(older['vcs'] ?? newer['vcs']);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function itemsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, maxTextLength) : '';
}
