import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Pattern } from '../../oci/patterns/repository-pattern.ts';
import type { Depth, Pace } from './check-content.ts';
import { type Position, createSelection, inBatches, start } from './selection.ts';
import type { UnreadableFinding, Verifier } from './verifier.ts';

export interface VerifyOnceOptions {
  readonly metadata: Pick<MetadataStore, 'contentChecks' | 'repositories'>;
  readonly verifier: Verifier;
  readonly depth: Depth;
  /** Percent of the content that is looked at, chosen at random. */
  readonly percent: number;
  /** Undefined: all content. */
  readonly repositories: Pattern | undefined;
  readonly pace: Pace;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly onProgress: (done: Amount, total: Amount) => void;
}

export interface Amount {
  readonly contents: number;
  readonly bytes: number;
}

export interface Verified {
  readonly checked: number;
  readonly bytes: number;
  readonly unreadable: readonly UnreadableFinding[];
  readonly repaired: readonly Digest[];
}

/**
 * Verifies the content from its beginning to its end, for commands. Corrupt content is in quarantine afterwards. Rejects as
 * `Verifier.check` does; what was found before is recorded.
 */
export async function verifyOnce(options: VerifyOnceOptions): Promise<Verified> {
  const { verifier, depth, percent, repositories, pace, now, random, onProgress } = options;
  const selection = createSelection(options);
  const total = await selection.measure();
  const startedAt = now();
  const unreadable: UnreadableFinding[] = [];
  const repaired: Digest[] = [];
  let [checked, checkedBytes, contents, bytes] = [0, 0, 0, 0];
  for (let position: Position | undefined = start; position;) {
    const page: Awaited<ReturnType<typeof selection.page>> = await selection.page(position);
    for (const batch of inBatches(page.contents)) {
      const isRepeated = (checkedAt: number) => repositories !== undefined && depth === 'deep' && checkedAt >= startedAt;
      const chosen = batch.filter(({ checkedAt }) => !isRepeated(checkedAt) && (percent >= 100 || random() * 100 < percent));
      const result = await verifier.check(chosen, depth, pace);
      unreadable.push(...result.unreadable);
      repaired.push(...result.repaired);
      checked += result.checked;
      checkedBytes += result.bytes;
      contents += batch.length;
      bytes += batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      onProgress({ contents, bytes }, total);
    }
    position = page.next;
  }
  return { checked, bytes: checkedBytes, unreadable, repaired };
}
