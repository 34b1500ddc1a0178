import { createBlobs } from './blobs.ts';
import { createMetadata } from './metadata.ts';

/** Where a berth of the tests keeps what it has. */
export interface TestStores {
  /** `BERTH_*` variables. */
  readonly settings: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

export async function createStores(): Promise<TestStores> {
  const [blobs, metadata] = await Promise.all([createBlobs(), createMetadata()]);
  return {
    settings: { ...blobs.settings, ...metadata.settings },
    async dispose() {
      await Promise.all([blobs.dispose(), metadata.dispose()]);
    },
  };
}
