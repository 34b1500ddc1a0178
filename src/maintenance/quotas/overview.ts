import type { QuotaDifference, QuotaPosition, QuotaUse } from '../../../storage/metadata/queries/quotas/status.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { createQuotaCounter } from './counter.ts';

/** Shows quotas to users, and counts them again, on the command line and over the API. */
export interface QuotaOverview {
  /**
   * Lists quotas in the order of their rules and names. `after` is the `next` of the page before; undefined for the first page.
   * `next` is undefined for the last one, and the page is undefined for an `after` that is not valid.
   */
  list(after: string | undefined, limit: number): Promise<QuotaPage | undefined>;
  /** Lists the quotas that the repository counts in; none before its first push. */
  listOf(repository: RepositoryName): Promise<readonly ListedQuota[]>;
  /** Makes the server count everything again in the background. The counters of today stay in force until then. */
  requestRecount(): Promise<void>;
  /**
   * Counts everything again, here. `onProgress` gets the part that is done, from 0 to 1. Resolves to the quotas whose
   * counters were wrong.
   */
  recount(onProgress: (part: number) => void): Promise<readonly QuotaDifference[]>;
}

export interface ListedQuota {
  /** Name of the rule in the configuration. */
  readonly quota: string;
  readonly per: 'namespace' | 'repository' | 'all';
  /** The namespace or repository; '' for all repositories of the rule together. */
  readonly name: string;
  /** Bytes of content, each digest once; also that in the trash. */
  readonly usedBytes: number;
  /** Bytes that open uploads hold. */
  readonly uploadBytes: number;
  /** Null: no limit. */
  readonly maxBytes: number | null;
  readonly tags: number;
  readonly maxTags: number | null;
  /** True while content is being counted: the figures are too low, and the quota is not enforced. */
  readonly counting: boolean;
}

export interface QuotaPage {
  readonly quotas: readonly ListedQuota[];
  readonly next: string | undefined;
}

export function createQuotaOverview(
  metadata: Pick<MetadataStore, 'quotaCounting' | 'quotaRules' | 'quotaStatus'>,
): QuotaOverview {
  return {
    async list(after, limit) {
      const position = parsePosition(after);
      if (!position) return undefined;
      const quotas = await metadata.quotaStatus.list(position, limit);
      const last = quotas.length === limit ? quotas.at(-1) : undefined;
      return { quotas: quotas.map(toListed), next: last && `${last.ruleId}:${last.name}` };
    },
    listOf: async (repository) => (await metadata.quotaStatus.listOf(repository)).map(toListed),
    requestRecount: () => metadata.quotaRules.recount(),

    async recount(onProgress) {
      await metadata.quotaRules.recount();
      const onStep = async () => {
        const { left, all } = await metadata.quotaStatus.progress();
        onProgress(all === 0 ? 1 : 1 - Math.min(1, left / all));
      };
      return createQuotaCounter(metadata).run({ onStep });
    },
  };
}

function toListed({ rule, per, name, usedBytes, reservedBytes, maxBytes, tags, maxTags, isCounting }: QuotaUse): ListedQuota {
  return { quota: rule, per, name, usedBytes, uploadBytes: reservedBytes, maxBytes, tags, maxTags, counting: isCounting };
}

function parsePosition(text: string | undefined): QuotaPosition | undefined {
  const match = /^(\d{1,15}):(.*)$/.exec(text ?? '0:');
  return match ? { ruleId: Number(match[1]), name: match[2] ?? '' } : undefined;
}
