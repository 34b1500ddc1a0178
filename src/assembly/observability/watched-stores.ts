import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { StorageError } from '../../../storage/blobs/driver.ts';
import { watchBlobs } from '../../../storage/blobs/watched.ts';
import { QuotaRefusal } from '../../../storage/metadata/queries/steps/quotas.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { watchMetadata } from '../../../storage/metadata/watched.ts';
import type { WatchCall } from '../../../storage/watched-call.ts';
import type { StoreMetrics, StoreName } from '../../observability/stores/store-metrics.ts';

/** Returns the driver whose calls are measured. */
export function measureBlobs(driver: BlobDriver, metrics: StoreMetrics): BlobDriver {
  return watchBlobs(driver, measuring('blobs', metrics));
}

/** Resolves to the store whose calls are measured. */
export function measureMetadata(store: MetadataStore, metrics: StoreMetrics): Promise<MetadataStore> {
  return watchMetadata(store, measuring('metadata', metrics));
}

function measuring(store: StoreName, { called }: StoreMetrics): WatchCall {
  return (operation, call) => {
    const startedAt = performance.now();
    const ended = (outcome: string) => called(store, operation, outcome, (performance.now() - startedAt) / 1000);
    const running = call();
    running.then(
      () => ended('ok'),
      (error: unknown) => ended(outcomeOf(error)),
    );
    return running;
  };
}

function outcomeOf(error: unknown): string {
  if (error instanceof StorageError || error instanceof MetadataError) return error.code;
  return error instanceof QuotaRefusal ? 'quota' : 'error';
}
