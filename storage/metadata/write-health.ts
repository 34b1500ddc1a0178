import { MetadataError, type MetadataErrorCode } from './store.ts';

/** Whether a store takes writes, as the last failure and a later attempt show. Costs nothing while writes succeed. */
export interface WriteHealth {
  /** Notes why a write failed, and throws the error. */
  readonly failed: (error: unknown) => never;
  /** Tries a write if one has failed since the last success of such a try. Rejects as that try does. */
  check(): Promise<void>;
}

/** Failures of the store itself; others are about the data of one write. */
const failures: readonly MetadataErrorCode[] = ['no_space', 'denied', 'unavailable', 'damaged'];

/** Arguments of `leases.take` for a row that is no lease of anybody: a try writes it again. */
export const writeCheck = ['.write-check', 'berth', 0, 0] as const;

/** `tryWrite` changes a row that nothing reads. */
export function createWriteHealth(tryWrite: () => Promise<unknown>): WriteHealth {
  let hasFailed = false;
  return {
    failed(error) {
      if (error instanceof MetadataError && failures.includes(error.code)) hasFailed = true;
      throw error;
    },
    async check() {
      if (!hasFailed) return;
      await tryWrite();
      hasFailed = false;
    },
  };
}
