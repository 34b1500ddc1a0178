import type { Digest } from '../../oci/digest.ts';
import type { SyncTagRecord } from '../../../storage/metadata/queries/sync/tags.ts';

/** A tag at both sides, and where it pointed when the entry looked at it last. */
export interface TagSituation {
  readonly source: Digest;
  /** Undefined: the target has no such tag. */
  readonly target: Digest | undefined;
  readonly known: SyncTagRecord | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * - `equal`: nothing is to be done.
 * - `copy`: only the source has moved the tag.
 * - `keep`: only the target has moved or deleted it.
 * - `compare`: both have; the newer image wins, see `image-age.ts`.
 */
export type Verdict = 'equal' | 'copy' | 'keep' | 'compare';

/**
 * A difference that stood for so long is settled by the newer image. The other registry may copy in the other direction, and must
 * have had the time to take over a tag that was moved here.
 */
export const settleMilliseconds = 24 * 3_600_000;

export function decideTag({ source, target, known, now }: TagSituation): Verdict {
  if (target === source) return 'equal';
  if (!known) return target === undefined ? 'copy' : 'compare';
  const hasTargetMoved = (target ?? null) !== known.target;
  if (source !== known.source) return hasTargetMoved && target !== undefined ? 'compare' : 'copy';
  if (hasTargetMoved || target === undefined || known.differsSince === null) return 'keep';
  return now - known.differsSince >= settleMilliseconds ? 'compare' : 'keep';
}

/** Returns what to remember of a tag that both sides have after `verdict`; `target` is where it points there now. */
export function recordOf(tag: string, { source, known, now }: TagSituation, target: Digest | undefined): SyncTagRecord {
  const isStanding = known?.source === source && known.target === (target ?? null);
  const differsSince = target === source ? null : ((isStanding ? known.differsSince : null) ?? now);
  return { tag, source, target: target ?? null, differsSince };
}

/** True if the record would say something new. */
export function isNews(record: SyncTagRecord, known: SyncTagRecord | undefined): boolean {
  return (
    record.source !== known?.source ||
    record.target !== known.target ||
    (record.differsSince === null) !== (known.differsSince === null)
  );
}
