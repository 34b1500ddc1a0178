import { readFile } from 'node:fs/promises';
import { type Pattern, matches } from '../../../oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../../oci/reference.ts';
import type { JsonClient } from './json-client.ts';
import { type Listing, apiOf } from './apis.ts';

export interface ListNamesOptions {
  readonly pattern: Pattern;
  /** File with one name on each line; it replaces the listing. */
  readonly file: string | undefined;
  readonly listing: Listing;
  /** Address of the registry, and of the API for listings; default: the usual one. */
  readonly registry: URL;
  readonly apiUrl: URL | undefined;
  readonly client: JsonClient;
}

/** A listing that gives a next page for ever must not hold a run for ever. */
const maxPages = 10_000;

/**
 * Returns the repositories of a registry that the pattern matches: all of them, or rejects. A pattern without a wildcard is not
 * looked up.
 */
export async function listNames(options: ListNamesOptions): Promise<readonly RepositoryName[]> {
  const { pattern, file } = options;
  if (pattern.kind === 'name') return [pattern.prefix as RepositoryName];
  const names = file === undefined ? await readApi(options) : await readNamesFile(file);
  const known = names.flatMap((name) => parseRepositoryName(name) ?? []);
  return [...new Set(known)].filter((name) => matches(pattern, name)).sort();
}

/** Empty lines and lines that begin with `#` are left out. */
async function readNamesFile(file: string): Promise<readonly string[]> {
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

async function readApi({ pattern, listing, registry, apiUrl, client }: ListNamesOptions): Promise<readonly string[]> {
  const api = apiOf(listing, { registry, apiUrl, prefix: pattern.prefix });
  const names: string[] = [];
  let url: URL | undefined = api.first;
  for (let page = 1; page <= maxPages; page++) {
    const answer = await client.get(url, api.login);
    const found = api.namesIn(answer.document);
    names.push(...found);
    const next = api.nextPage(url, { ...answer, page, count: found.length });
    if (!next) return names;
    if (next.href === url.href) break;
    url = next;
  }
  throw new Error(`the listing of repositories at ${api.first.host} does not end`);
}
