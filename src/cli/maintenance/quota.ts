import { openMetadata } from '../../assembly/metadata-store.ts';
import { type ListedQuota, type QuotaOverview, createQuotaOverview } from '../../maintenance/quotas/overview.ts';
import type { Invocation, Run } from '../program/command.ts';
import { asksForJson, printRecords, printValue } from '../program/output.ts';
import { createProgress, inUnits } from '../program/progress.ts';
import { readRepository } from '../program/read-names.ts';

const pageSize = 1000;

/** Makes a command that uses the metadata store beside a running server. */
function quotaCommand(run: (invocation: Invocation, overview: QuotaOverview) => Promise<void>): Run {
  return async (invocation) => {
    const metadata = await openMetadata(invocation.config());
    try {
      await run(invocation, createQuotaOverview(metadata));
    } finally {
      await metadata.close();
    }
  };
}

const listColumns = {
  QUOTA: 'quota',
  NAME: 'name',
  USED: 'used',
  UPLOADS: 'uploads',
  LIMIT: 'limit',
  TAGS: 'tags',
  'TAG LIMIT': 'maxTags',
  STATUS: 'status',
} as const;

/** `berth quota list` */
export const listQuotas = quotaCommand(async (invocation, overview) => {
  const [repository] = invocation.operands;
  const quotas = repository === undefined ? await readAll(overview) : await overview.listOf(readRepository(repository));
  if (invocation.config().quotas.length === 0) invocation.warn('the configuration has no quotas: nothing is limited');
  else if (!asksForJson(invocation) && quotas.length === 0) invocation.warn('no quota counts anything yet');
  const format = asksForJson(invocation) ? (bytes: number) => bytes : inUnits;
  printRecords(
    invocation,
    listColumns,
    quotas.map((quota) => toRecord(quota, format)),
  );
});

async function readAll(overview: QuotaOverview): Promise<readonly ListedQuota[]> {
  const all: ListedQuota[] = [];
  let after: string | undefined;
  do {
    const page = await overview.list(after, pageSize);
    all.push(...(page?.quotas ?? []));
    after = page?.next;
  } while (after !== undefined);
  return all;
}

const statusOf = ({ counting }: ListedQuota) => (counting ? 'being counted, not enforced yet' : 'enforced');

/** `format` writes sizes: with `--json` as numbers of bytes. */
function toRecord(listed: ListedQuota, format: (bytes: number) => number | string) {
  const { quota, name, usedBytes, uploadBytes, maxBytes, tags, maxTags } = listed;
  return {
    quota,
    name: name || null,
    used: format(usedBytes),
    uploads: format(uploadBytes),
    limit: maxBytes === null ? null : format(maxBytes),
    tags,
    maxTags,
    status: statusOf(listed),
  };
}

/** `berth quota recount` */
export const recountQuotas = quotaCommand(async (invocation, overview) => {
  const progress = createProgress('counting', invocation);
  const onProgress = (part: number) => (asksForJson(invocation) ? undefined : progress.show(part, ''));
  const differences = await overview.recount(onProgress);
  progress.end();
  for (const { rule, name, formerBytes, bytes, formerReserved, reserved, formerTags, tags } of differences) {
    invocation.warn(
      `${rule} ${name}: ${formerBytes} bytes, ${formerReserved} of uploads and ${formerTags} tags were counted, ` +
        `${bytes}, ${reserved} and ${tags} are right`,
    );
  }
  const text =
    differences.length === 0 ? 'counted: no counter was wrong' : `counted: ${differences.length} quotas were corrected`;
  printValue(invocation, text, { differences });
});
