import { UpstreamError } from '../../../upstream/upstream-error.ts';
import type { JsonAnswer, LoginForm } from './json-client.ts';
import { linkOf } from './link.ts';

/**
 * How registries list the names of their repositories:
 *
 * - `catalog`: `/v2/_catalog` (Distribution, ECR, Zot, berth and others).
 * - `dockerhub`: `GET /v2/namespaces/NAMESPACE/repositories` of hub.docker.com.
 * - `ghcr`: `GET /orgs/OWNER/packages?package_type=container` of api.github.com; `ghcr-user`: of a user instead of an
 * organization.
 * - `gitlab`: `GET /api/v4/groups/GROUP/registry/repositories`.
 * - `harbor`: `GET /api/v2.0/projects/PROJECT/repositories`; its `_catalog` is for administrators only.
 * - `quay`: `GET /api/v1/repository?namespace=NAMESPACE`; its `_catalog` has no public repositories of others.
 */
export const listings = ['catalog', 'dockerhub', 'ghcr', 'ghcr-user', 'gitlab', 'harbor', 'quay'] as const;
export type Listing = (typeof listings)[number];

export interface ListedPage extends JsonAnswer {
  /** Number of the page, from 1. */
  readonly page: number;
  /** Names on it. */
  readonly count: number;
}

/** The listing of one registry. */
export interface NamesApi {
  readonly first: URL;
  readonly login: LoginForm;
  /** Throws `bad_content` for a document that is no listing. */
  namesIn(document: unknown): readonly string[];
  /** Returns the address of the next page; undefined after the last one. */
  nextPage(asked: URL, page: ListedPage): URL | undefined;
}

export interface ApiPlace {
  readonly registry: URL;
  readonly apiUrl: URL | undefined;
  /** The names that are wanted begin with it. */
  readonly prefix: string;
}

const pageSize = 100;

export function apiOf(listing: Listing, place: ApiPlace): NamesApi {
  const [owner = ''] = place.prefix.split('/');
  const at = (base: string, path: string) => new URL(path, place.apiUrl ?? base);
  if (listing === 'catalog') return catalog(place);
  if (owner === '') throw new Error(`sync: a listing by ${listing} needs a pattern that begins with a name, such as acme/**`);
  if (listing === 'dockerhub') return dockerHub(at('https://hub.docker.com', `/v2/namespaces/${owner}/repositories`));
  if (listing === 'ghcr') return github(at('https://api.github.com', `/orgs/${owner}/packages`), owner);
  if (listing === 'ghcr-user') return github(at('https://api.github.com', `/users/${owner}/packages`), owner);
  if (listing === 'gitlab') return gitlab(at('https://gitlab.com', `/api/v4/groups/${owner}/registry/repositories`));
  if (listing === 'quay') return quay(at(place.registry.href, '/api/v1/repository'), owner);
  return harbor(at(place.registry.href, `/api/v2.0/projects/${owner}/repositories`));
}

function catalog({ registry }: ApiPlace): NamesApi {
  const first = new URL(`${registry.pathname.replace(/\/$/, '')}/v2/_catalog?n=1000`, registry);
  return {
    first,
    login: 'registry',
    namesIn: (document) => textsIn(fieldOf(document, 'repositories')),
    nextPage: (asked, { link }) => linkOf(link, asked),
  };
}

function dockerHub(first: URL): NamesApi {
  const namespace = first.pathname.split('/')[3] ?? '';
  return {
    first: withQuery(first, { page_size: pageSize, page: 1 }),
    login: 'dockerhub',
    namesIn: (document) => namesOf(fieldOf(document, 'results'), 'name').map((name) => `${namespace}/${name}`),
    nextPage(asked, { document, page }) {
      return fieldOf(document, 'next') ? withQuery(asked, { page: page + 1 }) : undefined;
    },
  };
}

function github(first: URL, owner: string): NamesApi {
  return {
    first: withQuery(first, { package_type: 'container', per_page: pageSize, page: 1 }),
    login: 'bearer',
    namesIn: (document) => namesOf(document, 'name').map((name) => `${owner}/${name}`),
    nextPage: byCount,
  };
}

function gitlab(first: URL): NamesApi {
  return {
    first: withQuery(first, { per_page: pageSize, page: 1 }),
    login: 'bearer',
    namesIn: (document) => namesOf(document, 'path'),
    nextPage: byCount,
  };
}

function harbor(first: URL): NamesApi {
  return {
    first: withQuery(first, { page_size: pageSize, page: 1 }),
    login: 'basic',
    namesIn: (document) => namesOf(document, 'name'),
    nextPage: byCount,
  };
}

function quay(first: URL, namespace: string): NamesApi {
  return {
    // Without `public` it lists only what the login was granted.
    first: withQuery(first, { namespace, public: 'true' }),
    login: 'bearer',
    namesIn: (document) => namesOf(fieldOf(document, 'repositories'), 'name').map((name) => `${namespace}/${name}`),
    nextPage(asked, { document }) {
      const next = fieldOf(document, 'next_page');
      return typeof next === 'string' && next !== '' ? withQuery(asked, { next_page: next }) : undefined;
    },
  };
}

/** A full page may be followed by another one. */
function byCount(asked: URL, { page, count }: ListedPage): URL | undefined {
  return count < pageSize ? undefined : withQuery(asked, { page: page + 1 });
}

function withQuery(url: URL, query: Readonly<Record<string, string | number>>): URL {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(query)) changed.searchParams.set(name, String(value));
  return changed;
}

function fieldOf(document: unknown, name: string): unknown {
  return (document as Readonly<Record<string, unknown>> | null)?.[name];
}

function textsIn(list: unknown): readonly string[] {
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string'))
    throw new UpstreamError('bad_content', 'the registry sent no list of repositories');
  return list;
}

function namesOf(list: unknown, field: string): readonly string[] {
  if (!Array.isArray(list)) throw new UpstreamError('bad_content', 'the registry sent no list of repositories');
  return textsIn(list.map((item) => fieldOf(item, field)));
}
