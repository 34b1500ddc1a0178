import type { Principal } from '../access/permissions/principal.ts';
import type { Descriptions } from '../images/description/describe-image.ts';
import type { Listings, Page } from '../registry/listings.ts';
import type { AccessControl } from './auth/access-control.ts';
import { pageOf } from './v2/listings.ts';

/** What people look at, on the page and by the API. */
export interface Catalog {
  /** Names that begin with `prefix` of repositories that the client may pull, after `after` (exclusive), ascending. */
  repositories(client: Principal, prefix: string, after: string, limit: number): Promise<Page<string>>;
  /** Tags of a repository. The caller has checked that the client may pull it. */
  readonly tags: Listings['tagRecords'];
  /** An image. The caller has checked that the client may pull its repository. */
  readonly describe: Descriptions['describe'];
  readonly manifestBytes: Descriptions['bytes'];
  readonly configBytes: Descriptions['configBytes'];
}

export interface CatalogOptions {
  readonly listings: Pick<Listings, 'repositories' | 'tagRecords'>;
  readonly descriptions: Descriptions;
  readonly access: Pick<AccessControl, 'visible'>;
}

export function createCatalog({ listings, descriptions, access }: CatalogOptions): Catalog {
  return {
    async repositories(client, prefix, after, limit) {
      const start = after > prefix ? after : justBefore(prefix);
      const names = access.visible(client, start);
      const { items, more } = names ? await pageOf(names, limit) : await listings.repositories(start, limit);
      const found = items.filter((name) => name.startsWith(prefix));
      return { items: found, more: more && found.length === items.length };
    },
    tags: listings.tagRecords,
    describe: descriptions.describe,
    manifestBytes: descriptions.bytes,
    configBytes: descriptions.configBytes,
  };
}

/** Returns a text that is less than every text that begins with `prefix`, and greater than every name that is less than those. */
function justBefore(prefix: string): string {
  if (prefix === '') return '';
  // `~` is greater than every character of a name.
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) - 1)}~`;
}
