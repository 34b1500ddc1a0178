import type { Digest } from '../../oci/digest.ts';
import { type JsonObject, InvalidManifest } from '../../oci/json-fields.ts';
import { JsonError, parseStrictJson } from '../../oci/strict-json.ts';
import { platformName, readPlatform } from '../../oci/platform.ts';
import { archiveTooLarge, invalidArchive, quoted } from '../archive-error.ts';
import type { ArchiveContent, ArchiveContents } from './contents.ts';
import { maxDocumentBytes } from './limits.ts';
import type { ResolvedBlob } from './resolved.ts';

/** What the readers of the formats share. */

/** Returns the JSON of a document of the archive. Throws MANIFEST_INVALID. */
export function parseDocument(name: string, bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw invalidArchive(`entry ${quoted(name)}: ${error.message}`, error);
    throw error;
  }
}

/** The same for an object. */
export function parseObject(name: string, bytes: Uint8Array): JsonObject {
  const value = parseDocument(name, bytes);
  if (isObject(value)) return value;
  throw invalidArchive(`entry ${quoted(name)}: expected a JSON object, found ${describe(value)}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names the type of a value for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Returns a document of the archive. Throws MANIFEST_INVALID; `wantedBy` says what lists it. */
export function requireDocument(contents: ArchiveContents, name: string, wantedBy: string): Buffer {
  const content = contents.find(name);
  if (content?.kind === 'document') return content.bytes;
  if (content?.kind === 'blob' && content.blob.archived.format === 'json')
    throw archiveTooLarge(
      `entry ${quoted(name)} has ${content.blob.archived.sizeBytes} bytes: at most ${maxDocumentBytes} are allowed in a JSON ` +
        'document, and 16 MiB in all of an archive',
    );
  throw missing(name, wantedBy, content, 'a JSON document');
}

/** Returns the content of a layer or another blob. Throws MANIFEST_INVALID; `wantedBy` says what lists it. */
export function requireBlob(contents: ArchiveContents, name: string, wantedBy: string): ResolvedBlob {
  const content = contents.find(name);
  if (content?.kind === 'document') return { digest: content.digest, sizeBytes: content.bytes.length, source: content.bytes };
  if (content?.kind === 'blob') {
    const { digest, sizeBytes } = content.blob;
    return { digest, sizeBytes, source: content.blob };
  }
  throw missing(name, wantedBy, content, 'a layer');
}

function missing(name: string, wantedBy: string, content: ArchiveContent | undefined, expected: string) {
  const found = content?.kind === 'ignored' ? `found bytes that begin with ${content.start || 'nothing'}` : 'it is missing';
  return invalidArchive(`entry ${quoted(name)}, listed by ${wantedBy}: expected ${expected}, ${found}`);
}

export interface ImageConfig {
  readonly diffIds: readonly string[];
  readonly platforms: readonly string[];
}

/** Reads the config of an image. Throws MANIFEST_INVALID. */
export function readConfig(name: string, bytes: Uint8Array): ImageConfig {
  const config = parseObject(name, bytes);
  const { rootfs } = config;
  const diffIds: unknown = isObject(rootfs) ? (rootfs['diff_ids'] ?? []) : undefined;
  if (!Array.isArray(diffIds) || diffIds.some((id) => typeof id !== 'string'))
    throw invalidArchive(`entry ${quoted(name)}: expected a list of digests in rootfs.diff_ids, found ${describe(rootfs)}`);
  const platform = readPlatform(config);
  return { diffIds: diffIds as string[], platforms: platform ? [platformName(platform)] : [] };
}

/** Throws MANIFEST_INVALID if the config lists another number of layers. */
export function requireLayerCount(configName: string, { diffIds }: ImageConfig, layers: number): void {
  if (diffIds.length !== layers)
    throw invalidArchive(`entry ${quoted(configName)}: expected ${layers} digests in rootfs.diff_ids, found ${diffIds.length}`);
}

/** Throws MANIFEST_INVALID if a layer is not the one that the config lists. */
export function requireDiffId(layerName: string, expected: string | undefined, found: Digest): void {
  if (expected !== found)
    throw invalidArchive(
      `entry ${quoted(layerName)} has another diffID than its config lists: expected ${expected}, found ${found}`,
    );
}

/** Runs `read`, whose `InvalidManifest` is about the entry. */
export function readingEntry<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidManifest) throw invalidArchive(`entry ${quoted(name)}: ${error.message}`, error);
    throw error;
  }
}
