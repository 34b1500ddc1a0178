import { createUsageCounter } from '../../src/maintenance/usage/usage-counter.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { blobsPrefix } from '../../storage/blobs/layout.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

interface Stores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
}

const most = 100_000;

/**
 * Counts everything again that berth has counters for, in stores at rest with an empty trash and at least one quota. Resolves to a
 * line for each counter that is wrong.
 */
export async function findWrongCounters(stores: Stores, now: () => number): Promise<readonly string[]> {
  return [...(await checkQuotas(stores)), ...(await checkCatalog(stores)), ...(await checkUsage(stores, now))];
}

async function checkQuotas({ metadata }: Stores): Promise<readonly string[]> {
  const used = await metadata.quotaStatus.list({ ruleId: 0, name: '' }, most);
  if (!used.some(({ usedBytes, isCounting }) => usedBytes > 0 && !isCounting)) return ['no quota has counted anything'];
  const wrong: string[] = [];
  await metadata.quotaRules.recount();
  while (await metadata.quotaCounting.isNeeded())
    for (const difference of await metadata.quotaCounting.step(1000)) wrong.push(`quota: ${JSON.stringify(difference)}`);
  return wrong;
}

/** Counts tags and bytes of each repository as its lists show them. */
async function checkCatalog({ metadata }: Stores): Promise<readonly string[]> {
  const repositories = await metadata.repositories.list('', most);
  const wrong: string[] = [];
  for (const { name, tags, sizeBytes } of await metadata.catalogEntries.listNamed(repositories)) {
    const content = await metadata.contentChecks.listOfRepository(name, '', most);
    const counted = {
      tags: (await metadata.tags.list(name, '', most)).length,
      sizeBytes: content.reduce((sum, one) => sum + one.sizeBytes, 0),
    };
    if (counted.tags !== tags || counted.sizeBytes !== sizeBytes)
      wrong.push(`catalog of ${name}: ${JSON.stringify({ tags, sizeBytes, counted })}`);
  }
  return wrong;
}

/** The sum over all repositories is what the blob store takes. */
async function checkUsage({ driver, metadata }: Stores, now: () => number): Promise<readonly string[]> {
  const state = await metadata.usageCounting.findState();
  await metadata.usageCounting.putState({ ...state, startedAt: null, position: null });
  const counter = createUsageCounter({ driver, metadata, now });
  do await counter.run(new AbortController().signal);
  while ((await metadata.usageCounting.findState()).position !== null);
  const total = await metadata.usageSizes.findNamespace('');
  const [held, trash, garbage] = [total?.heldBytes ?? 0, total?.trashBytes ?? 0, total?.garbageBytes ?? 0];
  let stored = 0;
  for await (const { sizeBytes } of driver.listEntries(blobsPrefix)) stored += sizeBytes;
  return held === stored && trash === 0 && garbage === 0
    ? []
    : [`usage: ${JSON.stringify({ held, trash, garbage, stored })} bytes`];
}
