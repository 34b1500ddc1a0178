import type { Principal } from '../../../../access/permissions/principal.ts';
import type { Catalog } from '../../../catalog.ts';
import type { TableContext } from './repository-table.ts';

/** A request for a view that finds repositories. */
export interface CatalogVisit extends TableContext {
  readonly catalog: Catalog;
  readonly visitor: Principal;
  readonly query: URLSearchParams;
  /** Host and port of this server as clients write them. */
  readonly host: string;
}
