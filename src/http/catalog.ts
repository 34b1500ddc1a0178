import type { Principal } from '../access/permissions/principal.ts';
import type { NamespaceList, CatalogEntry, ListRequest, RepositoryLists, Viewer } from '../catalog/repository-lists.ts';
import type { LayerSharers } from '../catalog/layer-sharers.ts';
import type { BothWays, Total } from '../catalog/paging.ts';
import type { StarService } from '../catalog/stars.ts';
import type { TagLists } from '../catalog/tag-lists.ts';
import type { TextService } from '../catalog/repository-texts.ts';
import type { Descriptions, SingleImage } from '../images/description/describe-image.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { NamedImage, Search, SearchResult } from '../search/search.ts';
import type { AccessControl } from './auth/access-control.ts';

/** A repository in a list. */
export interface ListedRepository extends Omit<CatalogEntry, 'isPublic'> {
  /** True if clients without a login may pull it; undefined in mode open. */
  readonly isPublic: boolean | undefined;
  /** True if the client has starred it. */
  readonly isStarred: boolean;
}

export interface RepositoryPage extends BothWays<ListedRepository> {
  readonly total: Total;
  /** The namespaces of all repositories that the request selects, if they were all read; otherwise undefined. */
  readonly namespaces: NamespaceList | undefined;
}

/** What people look at, on the page and by the API. */
export interface Catalog {
  /** Lists repositories that the client may pull. */
  repositories(client: Principal, request: ListRequest): Promise<RepositoryPage>;
  /** Lists the first components of the names of repositories that the client may pull. */
  namespaces(client: Principal): Promise<NamespaceList>;
  /** Returns a repository that the client may pull, if it has content. The caller has checked the permission. */
  repository(client: Principal, name: RepositoryName): Promise<ListedRepository | undefined>;
  /** Finds repositories that the client may pull; see `Search`. */
  search(client: Principal, text: string, page: { readonly offset: number; readonly limit: number }): Promise<FoundRepositories>;
  /** Returns the image if the text is its reference or digest, and the client may pull it. `host`: of this server. */
  locate(client: Principal, text: string, host: string): Promise<NamedImage | undefined>;
  /** Lists the tags of a repository. The caller has checked that the client may pull it. Throws NAME_UNKNOWN. */
  readonly tags: TagLists['list'];
  /** The description and the README of a repository. */
  readonly texts: TextService;
  /** Stars a repository that the client may pull, or takes the star away. Throws DENIED for a client without an account. */
  setStar(client: Principal, repository: RepositoryName, isStarred: boolean): Promise<void>;
  /** An image. The caller has checked that the client may pull its repository. */
  readonly describe: Descriptions['describe'];
  /** Counts the tags with each layer of an image of the repository among what the client may pull; see `LayerSharers`. */
  sharedLayers(client: Principal, repository: RepositoryName, image: SingleImage): Promise<ReadonlyMap<Digest, Total>>;
  readonly manifestBytes: Descriptions['bytes'];
  readonly configBytes: Descriptions['configBytes'];
}

export interface FoundRepositories extends Omit<SearchResult, 'items'> {
  readonly items: readonly ListedRepository[];
}

export interface CatalogOptions {
  readonly search: Search;
  readonly lists: RepositoryLists;
  readonly tagLists: TagLists;
  readonly texts: TextService;
  readonly stars: StarService;
  readonly sharers: LayerSharers;
  readonly descriptions: Descriptions;
  readonly access: Pick<AccessControl, 'visible' | 'seesAll' | 'allows' | 'visibilities'>;
}

export function createCatalog(options: CatalogOptions): Catalog {
  const { lists, search, tagLists, texts, stars, sharers, descriptions, access } = options;

  const toViewer = (client: Principal) => viewerOf(access, client);

  async function toListed(client: Principal, entries: readonly CatalogEntry[]): Promise<readonly ListedRepository[]> {
    const accountId = accountIdOf(client);
    const names = entries.map(({ name }) => name);
    const starred = accountId === undefined ? new Set<string>() : await stars.among(accountId, names);
    const visibility = await access.visibilities();
    return entries.map((entry) => ({
      ...entry,
      isPublic: visibility?.resolve(entry.name, entry.isPublic),
      isStarred: starred.has(entry.name),
    }));
  }

  return {
    async repositories(client, request) {
      const page = await lists.list(toViewer(client), request);
      return { ...page, items: await toListed(client, page.items) };
    },
    namespaces: (client) => lists.namespaces(toViewer(client)),
    async repository(client, name) {
      const entry = await lists.find(name);
      return entry && (await toListed(client, [entry]))[0];
    },
    async search(client, text, page) {
      const found = await search.find(toViewer(client), text, page);
      return { ...found, items: await toListed(client, found.items) };
    },
    locate: (client, text, host) => search.locate(toViewer(client), text, host),
    tags: tagLists.list,
    texts,
    async setStar(client, repository, isStarred) {
      const accountId = accountIdOf(client);
      if (accountId === undefined) throw new OciError('DENIED', { message: 'only accounts of this registry have stars' });
      await (isStarred ? stars.add(accountId, repository) : stars.remove(accountId, repository));
    },
    describe: descriptions.describe,
    sharedLayers: (client, repository, { layers }) =>
      sharers.count(
        toViewer(client),
        repository,
        layers.map(({ digest }) => digest),
      ),
    manifestBytes: descriptions.bytes,
    configBytes: descriptions.configBytes,
  };
}

/** Returns the client as one that looks at lists. */
export function viewerOf(access: Pick<AccessControl, 'visible' | 'seesAll' | 'allows'>, client: Principal): Viewer {
  return {
    seesAll: access.seesAll(client),
    names: (after) => access.visible(client, after) ?? none(),
    mayPull: (name) => access.allows(client, 'pull', name),
    accountId: accountIdOf(client),
  };
}

/** Returns the number in `account:12`; undefined for clients without an account. */
function accountIdOf({ id }: Principal): number | undefined {
  const [, number] = /^account:(\d+)$/.exec(id) ?? [];
  return number === undefined ? undefined : Number(number);
}

async function* none(): AsyncGenerator<never> {}
