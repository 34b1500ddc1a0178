import type { Principal } from '../../../../access/permissions/principal.ts';
import type { OperationOverview } from '../../../overviews/operation-report.ts';
import type { Catalog } from '../../../catalog.ts';
import type { TableContext } from './repository-table.ts';

/** A request for a view that finds repositories. */
export interface CatalogVisit extends TableContext {
  readonly catalog: Catalog;
  readonly visitor: Principal;
  readonly query: URLSearchParams;
  /** What an operator should look at; undefined for visitors who may not read about the installation. */
  readonly installation: (() => Promise<OperationOverview>) | undefined;
  /** Host and port of this server as clients write them. */
  readonly host: string;
}
