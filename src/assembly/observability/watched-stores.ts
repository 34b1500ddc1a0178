import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import type { WatchRequest } from '../../../storage/blobs/s3/client.ts';
import { watchBlobs } from '../../../storage/blobs/watched.ts';
import { QuotaRefusal } from '../../../storage/metadata/queries/steps/quotas.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';
import { watchMetadata } from '../../../storage/metadata/watched.ts';
import type { WatchCall } from '../../../storage/watched-call.ts';
import type { StoreMetrics, StoreName } from '../../observability/stores/store-metrics.ts';
import { type Tracer, traced } from '../../telemetry/tracer.ts';

/** What watches the calls of the stores. */
export interface StoreObservers {
  readonly metrics: StoreMetrics;
  readonly tracer: Tracer | undefined;
}

/** Returns a driver that calls `driver`, and measures and traces each call. */
export function watchedBlobs(driver: BlobDriver, { metrics, tracer }: StoreObservers): BlobDriver {
  return watchBlobs(driver, tracing('blobs', tracer, measuring('blobs', metrics)));
}

/** Resolves to a store that calls `store`, and measures and traces each call. */
export function watchedMetadata(store: MetadataStore, { metrics, tracer }: StoreObservers): Promise<MetadataStore> {
  const measure = measuring('metadata', metrics);
  const trace = tracing('metadata', tracer, measure);
  // A read of SQLite takes some microseconds: its span would take longer.
  const isCheap = (operation: string) => store.name === 'sqlite' && operation === 'read';
  return watchMetadata(store, (operation, call, detail) => (isCheap(operation) ? measure : trace)(operation, call, detail));
}

/** Returns what traces requests to S3; undefined if there are no traces. */
export function watchedRequests({ tracer }: Pick<StoreObservers, 'tracer'>): WatchRequest | undefined {
  if (!tracer) return undefined;
  return ({ operation, method, host }, send) => {
    const attributes = {
      'rpc.system': 'aws-api',
      'rpc.service': 'S3',
      'rpc.method': operation,
      'http.request.method': method,
      'server.address': host,
    };
    return traced(tracer, { name: `S3/${operation}`, kind: 'client', attributes }, async (span) => {
      const status = await send(span?.headers ?? {});
      span?.set({ 'http.response.status_code': status });
    });
  };
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

/** Traces calls on behalf of requests and downloads. Jobs call the stores all the time, mostly to find that there is no work. */
function tracing(store: StoreName, tracer: Tracer | undefined, watch: WatchCall): WatchCall {
  if (!tracer) return watch;
  return (operation, call, detail) => {
    const current = tracer.current();
    if (!current?.isRecording || current.isBackground) return watch(operation, call, detail);
    const attributes = { 'berth.store': store, 'berth.operation': detail ?? operation };
    return traced(tracer, { name: `${store} ${operation}`, kind: 'internal', attributes }, () => watch(operation, call, detail));
  };
}

function outcomeOf(error: unknown): string {
  if (error instanceof StorageError || error instanceof MetadataError) return error.code;
  return error instanceof QuotaRefusal ? 'quota' : 'error';
}
