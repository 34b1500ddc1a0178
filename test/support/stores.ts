import { type TestBlobs, createBlobs } from './blobs.ts';
import { createMetadata } from './metadata.ts';

/** The stores of a berth in tests. */
export interface TestStores extends Pick<TestBlobs, 'litter'> {
  /** `BERTH_*` variables. */
  readonly settings: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

export async function createStores(): Promise<TestStores> {
  const [blobs, metadata] = await Promise.all([createBlobs(), createMetadata()]);
  return {
    litter: blobs.litter,
    settings: { ...blobs.settings, ...metadata.settings },
    async dispose() {
      await Promise.all([blobs.dispose(), metadata.dispose()]);
    },
  };
}
