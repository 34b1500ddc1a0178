import type { AccessControl } from '../auth/access-control.ts';
import { type Catalog, type CatalogOptions, createCatalog } from '../catalog.ts';
import { type StorageView, type StorageViewOptions, createStorageView } from './storage-view.ts';

/** What people look at, on the page and by the API: each view shows a visitor only what it may see. */
export interface Views {
  readonly catalog: Catalog;
  readonly storage: StorageView;
}

export interface ViewServices extends Omit<CatalogOptions, 'access'>, Pick<StorageViewOptions, 'usage' | 'quotas'> {
  readonly content: Pick<StorageViewOptions, 'trash'>;
}

export function createViews(
  services: ViewServices,
  access: Pick<AccessControl, 'allows' | 'seesAll' | 'visibilities' | 'visible'>,
): Views {
  return {
    catalog: createCatalog({ ...services, access }),
    storage: createStorageView({ ...services, access, trash: services.content.trash }),
  };
}
