import { setTimeout as delay } from 'node:timers/promises';
import type { QuotaDifference } from '../../../storage/metadata/queries/quotas/status.ts';
import { MetadataError, type MetadataStore } from '../../../storage/metadata/store.ts';

/** Counts content for new rules of quotas, in small steps while clients push. */
export interface QuotaCounter {
  /**
   * Counts until everything is counted, `maxSteps` are done or `signal` is aborted. Writes nothing where nothing is to do, and in
   * read-only mode. `onStep` is called after each step. Resolves to the quotas whose counters were wrong, if they were
   * counted again. Rejects when the metadata store fails.
   */
  run(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly maxSteps?: number;
    readonly onStep?: () => Promise<void>;
  }): Promise<readonly QuotaDifference[]>;
}

/** Digests or tags of one step: a few milliseconds, for which other writes wait. */
export const stepRows = 200;
/** Pause after a step, for the writes that have waited. */
const pauseMilliseconds = 5;

export function createQuotaCounter(metadata: Pick<MetadataStore, 'quotaCounting'>): QuotaCounter {
  return {
    async run({ signal, maxSteps = Infinity, onStep } = {}) {
      const differences: QuotaDifference[] = [];
      try {
        for (let steps = 0; steps < maxSteps && signal?.aborted !== true && (await metadata.quotaCounting.isNeeded()); steps++) {
          differences.push(...(await metadata.quotaCounting.step(stepRows)));
          await onStep?.();
          await delay(pauseMilliseconds, undefined, { signal }).catch(() => undefined);
        }
      } catch (error) {
        // The installation is being transferred: its content must not change.
        if (!(error instanceof MetadataError && error.code === 'read_only')) throw error;
      }
      return differences;
    },
  };
}
