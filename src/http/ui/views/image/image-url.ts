import { parsePlatform } from '../../../../oci/platform.ts';
import type { Reference } from '../../../../oci/reference.ts';
import type { ImageVisit } from '../repository/repository-view.ts';

/** Returns a reference as people write it, without the host. */
export function nameOf(repository: string, { tag, digest }: Reference): string {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}

/** Returns the address of an image and what follows it. */
export function urlOf({ repository, reference }: Pick<ImageVisit, 'repository' | 'reference'>, rest = ''): string {
  return `/ui/r/${nameOf(repository, reference)}${rest}`;
}

/** Returns the platform of an index that the visitor has chosen; undefined for none. */
export function platformOf({ query }: Pick<ImageVisit, 'query'>) {
  return parsePlatform(query.get('platform') ?? '');
}

/** Returns a query (with `?`) of the given fields and of the platform that the visitor has chosen; '' for an empty one. */
export function queryWith(
  { query }: Pick<ImageVisit, 'query'>,
  fields: Readonly<Record<string, string | undefined>> = {},
): string {
  return queryText({ platform: query.get('platform'), ...fields });
}

/** Returns a query (with `?`) of the fields that have a value; '' for an empty one. */
export function queryText(fields: Readonly<Record<string, string | null | undefined>>): string {
  let text = '';
  for (const name in fields) {
    const value = fields[name] ?? '';
    if (value !== '') text += `${text === '' ? '?' : '&'}${name}=${encode(value)}`;
  }
  return text;
}

/** Encodes a value for a query: slashes, which paths are full of, need not be encoded. */
function encode(value: string): string {
  return needsNoEncoding.test(value) ? value : encoded(value);
}

/** Nearly all paths are of such characters, and finding that out is cheap. */
const needsNoEncoding = /^[\w./~-]*$/;

function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll('%2F', '/');
}
