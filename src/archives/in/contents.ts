import { type Digest, digestOf, parseDigest } from '../../oci/digest.ts';
import { archiveTooLarge, invalidArchive, quoted } from '../archive-error.ts';
import type { TarEntry } from '../tar/read-entries.ts';
import type { Compression } from './compression.ts';
import { entryKey, linkKey } from './entry-name.ts';
import { formatOf, peek } from './formats.ts';
import { type ArchiveLimits, maxDocumentBytes, maxDocumentsBytes } from './limits.ts';
import type { StagedBlob, Staging } from './staging.ts';

/** A regular file of an archive. */
export type ArchiveContent =
  | { readonly kind: 'document'; readonly bytes: Buffer; readonly digest: Digest }
  | { readonly kind: 'blob'; readonly blob: StagedBlob }
  /** Neither JSON nor a layer. */
  | { readonly kind: 'ignored'; readonly start: string };

/** The files of an archive by name. Links are followed when they are looked up. */
export interface ArchiveContents {
  /** Returns the file; undefined if there is none. Throws MANIFEST_INVALID for links in a circle. */
  find(name: string): ArchiveContent | undefined;
  readonly entries: number;
}

export interface CollectOptions {
  readonly staging: Staging;
  readonly limits: ArchiveLimits;
  /** How uncompressed layers are stored; undefined: as an OCI layout has them, and by gzip where there are no digests. */
  readonly compression: Compression | undefined;
}

const layoutBlob = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;
/** Files that formats give a meaning: too large a one is an error, and not a blob. */
const namedDocuments = new Set(['index.json', 'manifest.json', 'repositories', 'oci-layout']);
const maxLinks = 16;

/** Reads the entries: documents into memory, layers into upload sessions. Throws MANIFEST_INVALID and SIZE_INVALID (413). */
export async function collectContents(
  entries: AsyncIterable<TarEntry>,
  { staging, limits, compression }: CollectOptions,
): Promise<ArchiveContents> {
  const files = new Map<string, ArchiveContent>();
  const links = new Map<string, string>();
  let count = 0;
  let documentBytes = 0;
  let totalBytes = 0;

  async function readFile(key: string, { data, sizeBytes, name }: TarEntry): Promise<ArchiveContent> {
    totalBytes += sizeBytes;
    if (totalBytes > limits.maxBytes)
      throw archiveTooLarge(`entry ${quoted(name)}: the archive has more than ${limits.maxBytes} bytes`);
    if (namedDocuments.has(key) && sizeBytes > maxDocumentBytes) throw documentTooLarge(name, sizeBytes);
    const { start, whole } = await peek(data);
    const format = formatOf(start);
    const isDocument = format === 'json' || namedDocuments.has(key);
    if (isDocument && sizeBytes <= maxDocumentBytes && documentBytes + sizeBytes <= maxDocumentsBytes) {
      documentBytes += sizeBytes;
      return toDocument(key, await readAll(whole));
    }
    const digest = expectedDigest(key);
    if (!digest && format === 'json') throw documentTooLarge(name, sizeBytes);
    if (!digest && format === 'other') return { kind: 'ignored', start: start.toString('hex', 0, 8) };
    const blob = await staging.stage(whole, {
      what: `entry ${quoted(name)}`,
      format,
      compression: compression ?? (digest ? 'none' : 'gzip'),
      needsDiffId: digest === undefined,
      algorithm: digest?.startsWith('sha512:') === true ? 'sha512' : 'sha256',
      limitBytes: limits.maxBytes,
    });
    if (digest) requireDigest(key, digest, blob.archived.digest);
    return { kind: 'blob', blob };
  }

  for await (const entry of entries) {
    const { name, type } = entry;
    if (++count > limits.maxEntries)
      throw archiveTooLarge(`entry ${quoted(name)}: the archive has more than ${limits.maxEntries} entries`);
    const key = entryKey(name);
    if (type === 'Directory') continue;
    if (files.has(key) || links.has(key))
      throw invalidArchive(`entry ${quoted(name)} is in the archive twice: names must be unique`);
    if (type === 'File') files.set(key, await readFile(key, entry));
    else if (type === 'SymbolicLink' || type === 'Link') links.set(key, linkKey(key, entry.linkName, type === 'SymbolicLink'));
    else throw invalidArchive(`entry ${quoted(name)} is of type ${type}: expected a file, a folder or a link`);
  }

  return {
    entries: count,
    find(name) {
      let key = entryKey(name);
      for (let followed = 0; ; followed++) {
        const target = links.get(key);
        if (target === undefined) return files.get(key);
        if (followed === maxLinks) throw invalidArchive(`link ${quoted(name)} leads to more than ${maxLinks} other links`);
        key = target;
      }
    },
  };
}

function toDocument(key: string, bytes: Buffer): ArchiveContent {
  const expected = expectedDigest(key);
  const digest = digestOf(bytes, expected?.startsWith('sha512:') === true ? 'sha512' : 'sha256');
  if (expected) requireDigest(key, expected, digest);
  return { kind: 'document', bytes, digest };
}

/** Returns the digest in the name of a blob of an OCI layout; undefined for other names. */
function expectedDigest(key: string): Digest | undefined {
  const [, algorithm, hex] = layoutBlob.exec(key) ?? [];
  return algorithm === undefined ? undefined : parseDigest(`${algorithm}:${hex}`);
}

function requireDigest(key: string, expected: Digest, found: Digest): void {
  if (found !== expected) throw invalidArchive(`entry ${quoted(key)} has another digest: expected ${expected}, found ${found}`);
}

function documentTooLarge(name: string, sizeBytes: number) {
  return archiveTooLarge(
    `entry ${quoted(name)} has ${sizeBytes} bytes of JSON: at most ${maxDocumentBytes} are allowed in a document, ` +
      `and ${maxDocumentsBytes} in all of an archive`,
  );
}

async function readAll(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
