import { repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import { type BlobDriver, type StoredEntry, objectKey } from '../../../storage/blobs/driver.ts';
import { readAll, unlessMissing } from '../../../storage/blobs/missing.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';
import { type RepositoryName, type Tag, parseRepositoryName, parseTag } from '../../oci/reference.ts';
import type { Oddity, OddityKind } from './oddities.ts';

/** Reads the links of Distribution's layout (`distribution-links.ts`), and changes nothing. */

interface LinkFile {
  /** Path in the store. */
  readonly path: string;
  /** Its name in berth. */
  readonly repository: RepositoryName;
  readonly sizeBytes: number;
  /** Time of the last change, milliseconds since 1970: that of the push. */
  readonly modifiedAt: number;
}

/** The repository serves the blob (`layer`), or has the manifest (`revision`). */
export interface DigestLink extends LinkFile {
  readonly kind: 'layer' | 'revision';
  readonly digest: Digest;
}

/** The manifest of a tag: `readTarget` reads which. */
export interface TagLink extends LinkFile {
  readonly kind: 'tag';
  readonly tag: Tag;
}

/** A manifest that the tag has or had. */
export interface FormerTagLink extends LinkFile {
  readonly kind: 'former';
  readonly tag: Tag;
  readonly digest: Digest;
}

export type Link = DigestLink | TagLink | FormerTagLink;

export type LinkEntry = Link | { readonly kind: 'oddity'; readonly path: string; readonly oddity: Oddity };

export interface ReadLinksOptions {
  /** Continues after this path. */
  readonly startAfter?: string;
  readonly localNameOf?: LocalNameOf | undefined;
}

/** Returns the name in berth of a repository of the store; undefined if there is none. */
export type LocalNameOf = (repository: RepositoryName) => RepositoryName | undefined;

const unchanged: LocalNameOf = (repository) => repository;

/**
 * Yields every link below `prefix`, and a line for everything else, ascending by path: of each repository first its layers, then
 * its revisions, then its tags. Reads the listing only, page by page.
 */
export async function* readLinks(
  driver: Pick<BlobDriver, 'listEntries'>,
  prefix: string = repositoriesPrefix,
  { startAfter = '', localNameOf }: ReadLinksOptions = {},
): AsyncGenerator<LinkEntry> {
  let previous = startAfter;
  for await (const entry of driver.listEntries(prefix, { startAfter })) {
    const missing = missingCurrent(previous, entry.path);
    if (missing !== undefined) yield odd(missing, 'tag-without-current');
    const link = classify(entry, localNameOf);
    // One line for all files of an upload, and for all links of a repository that is refused.
    const group = groupOf(link);
    if (group === undefined || !previous.startsWith(group)) yield link;
    previous = entry.path;
  }
}

/** Returns the folder that gets one line. */
function groupOf(link: LinkEntry): string | undefined {
  if (link.kind !== 'oddity') return undefined;
  if (link.oddity.kind === 'unfinished-upload') return link.path;
  return link.oddity.kind === 'refused-name' ? `${repositoryFolder(link.path)}_` : undefined;
}

/** Returns the folder of the repository that the path is in. */
function repositoryFolder(path: string): string {
  return /^.*?(?=_(?:layers|manifests)\/)/s.exec(path)?.[0] ?? path;
}

function odd(path: string, kind: OddityKind, detail = ''): LinkEntry {
  return { kind: 'oddity', path, oddity: { path, kind, detail } };
}

/** Returns the folder of the unfinished upload that the path is in. */
function uploadOf(path: string): string | undefined {
  return /^.*?\/_uploads\/[^/]+\//.exec(path)?.[0];
}

/** Returns the path of the link that a tag lacks, where the listing came to the former manifests of the tag without it. */
function missingCurrent(previous: string, path: string): string | undefined {
  const [, tagFolder] = /^(.*?\/_manifests\/tags\/[^/]+\/)index\//.exec(path) ?? [];
  if (tagFolder === undefined || previous.startsWith(`${tagFolder}current/`) || previous.startsWith(`${tagFolder}index/`))
    return undefined;
  return `${tagFolder}current/link`;
}

/** Returns what the entry is; an oddity if it is no link. */
export function classify({ path, kind, sizeBytes, modifiedAt }: StoredEntry, localNameOf = unchanged): LinkEntry {
  const upload = uploadOf(path);
  if (upload !== undefined) return odd(upload, 'unfinished-upload');
  if (path.endsWith('/')) return odd(path, 'folder-marker');
  if (kind === 'symlink') return odd(path, 'symlink');
  // The name of a repository has no part that begins with an underscore.
  const [, name = '', place = ''] = /^(.+?)\/(_(?:layers|manifests)\/.*)$/s.exec(path.slice(repositoriesPrefix.length)) ?? [];
  const link = kind === 'object' ? parsePlace(place) : undefined;
  if (!link) return odd(path, 'foreign-file');
  if (typeof link === 'string') return odd(path, link);
  const stored = parseRepositoryName(name);
  const repository = stored && localNameOf(stored);
  if (!repository) return odd(path, 'refused-name');
  return { path, repository, sizeBytes, modifiedAt: modifiedAt.getTime(), ...link };
}

type Place = Pick<DigestLink, 'kind' | 'digest'> | Pick<TagLink, 'kind' | 'tag'> | Pick<FormerTagLink, 'kind' | 'tag' | 'digest'>;

const digestPath = '([a-z0-9+._-]+)/([a-zA-Z0-9=_-]+)';
const layerPlace = new RegExp(`^_layers/${digestPath}/link$`);
const revisionPlace = new RegExp(`^_manifests/revisions/${digestPath}/link$`);
const signaturePlace = new RegExp(`^_manifests/revisions/${digestPath}/signatures/`);
const currentPlace = /^_manifests\/tags\/([^/]+)\/current\/link$/;
const formerPlace = new RegExp(`^_manifests/tags/([^/]+)/index/${digestPath}/link$`);

/** Returns what the link at a place of its repository says, or why it is none; undefined for other files. */
function parsePlace(place: string): Place | OddityKind | undefined {
  const layer = layerPlace.exec(place);
  if (layer) return withDigest(layer[1], layer[2], (digest) => ({ kind: 'layer', digest }));
  const revision = revisionPlace.exec(place);
  if (revision) return withDigest(revision[1], revision[2], (digest) => ({ kind: 'revision', digest }));
  const current = currentPlace.exec(place);
  if (current) return withTag(current[1], (tag) => ({ kind: 'tag', tag }));
  const former = formerPlace.exec(place);
  if (former) return withTag(former[1], (tag) => withDigest(former[2], former[3], (digest) => ({ kind: 'former', tag, digest })));
  return signaturePlace.test(place) ? 'schema-1' : undefined;
}

function withDigest(algorithm = '', hex = '', then: (digest: Digest) => Place): Place | OddityKind {
  const digest = parseDigest(`${algorithm}:${hex}`);
  return digest ? then(digest) : 'unknown-digest';
}

function withTag(name = '', then: (tag: Tag) => Place | OddityKind): Place | OddityKind {
  const tag = parseTag(name);
  return tag ? then(tag) : 'refused-tag';
}

/** What a link file holds. */
export interface Target {
  /** Undefined if there is none. */
  readonly digest: Digest | undefined;
  readonly oddity: 'empty-link' | 'damaged-link' | 'link-with-line-break' | undefined;
}

/** A digest is no longer; a longer file is no link. */
const maxLinkBytes = 256;

/** Reads the digest in a link. Resolves to undefined if the link was deleted meanwhile. */
export async function readTarget(driver: Pick<BlobDriver, 'read'>, path: string): Promise<Target | undefined> {
  const object = await unlessMissing(driver.read(objectKey(path)));
  if (!object) return undefined;
  try {
    return object.sizeBytes > maxLinkBytes ? { digest: undefined, oddity: 'damaged-link' } : parseTarget(await readAll(object));
  } finally {
    await object.close();
  }
}

function parseTarget(bytes: Buffer): Target {
  const text = bytes.toString();
  const digest = parseDigest(text.trim());
  if (!digest) return { digest, oddity: text.trim() === '' ? 'empty-link' : 'damaged-link' };
  return { digest, oddity: digest === text ? undefined : 'link-with-line-break' };
}

/** True if a link whose path has the digest is not as the registry writes it. Looks at its size only. */
export function isDamaged({ sizeBytes, digest }: DigestLink): boolean {
  return sizeBytes !== digest.length;
}
