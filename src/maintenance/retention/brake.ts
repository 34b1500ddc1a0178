import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Plan } from './plan.ts';

/** Limits of what may expire within 24 hours without an approval. */
export interface Brake {
  readonly tags: number;
  /** Of all pushed tags. */
  readonly percent: number;
}

const day = 86_400_000;

/**
 * Returns why the plan has to wait for an approval; undefined if it has not. Counts at most some times as many tags as the
 * plan has.
 */
export async function reasonToWait(
  metadata: Pick<MetadataStore, 'retentionContent' | 'retentionLog'>,
  { tags, percent }: Brake,
  { items }: Plan,
  now: number,
): Promise<string | undefined> {
  const before = await metadata.retentionLog.countExpired(now - day);
  const total = before + items.length;
  if (total > tags) return `${total} tags would expire within 24 hours, more than retention.brake.tags (${tags})`;
  const expiringTags = before + items.filter(({ tag }) => tag !== '').length;
  const needed = Math.ceil((expiringTags * 100) / percent);
  const present = before + (await metadata.retentionContent.countTags(needed));
  if (present >= needed) return undefined;
  return `${expiringTags} of ${present} tags would expire within 24 hours, more than retention.brake.percent (${percent})`;
}
