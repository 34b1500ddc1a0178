import { type Digest, parseDigest } from './digest.ts';

/** Repository names and references (distribution-spec, "Pulling manifests"). */

/** A well-formed repository name, at most 255 bytes: nothing in it needs escaping in a path, a URL or SQL `LIKE`. */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' };

export type Tag = string & { readonly __brand: 'Tag' };

/** The tag or digest in the `<reference>` of a URL. */
export type Reference = { readonly tag: Tag; readonly digest?: never } | { readonly digest: Digest; readonly tag?: never };

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const namePattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= 255 && namePattern.test(text) ? (text as RepositoryName) : undefined;
}

export function parseTag(text: string): Tag | undefined {
  return tagPattern.test(text) ? (text as Tag) : undefined;
}

/** Parses a tag or a digest; undefined for other texts. A text with a colon can only be a digest. */
export function parseReference(text: string): Reference | undefined {
  if (text.includes(':')) {
    const digest = parseDigest(text);
    return digest && { digest };
  }
  const tag = parseTag(text);
  return tag && { tag };
}

/** A manifest of a repository, as people write it. */
export interface NamedReference {
  readonly repository: RepositoryName;
  readonly reference: Reference;
}

/** Parses `team/app:1.0`, `team/app@sha256:…` or both, of which the digest counts. Undefined for other texts. */
export function parseNamedReference(text: string): NamedReference | undefined {
  const [, name = '', tagText, digestText] = /^([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text) ?? [];
  const repository = parseRepositoryName(name);
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if (!repository || (tagText !== undefined && !tag) || (digestText !== undefined && !digest)) return undefined;
  const reference: Reference | undefined = digest ? { digest } : tag && { tag };
  return reference && { repository, reference };
}
