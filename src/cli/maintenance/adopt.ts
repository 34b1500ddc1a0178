import type { Config } from '../../../config/schema.ts';
import { linksMarker } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { createLeases } from '../../coordination/leases.ts';
import { adopt, assertRepositories } from '../../maintenance/adopt/adopt.ts';
import { CannotAdopt } from '../../maintenance/adopt/parts.ts';
import { finishAdoption } from '../../maintenance/adopt/finish.ts';
import { type AdoptionReport, createAdoption, describeOddity } from '../../maintenance/adopt/report.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { asksForJson, printValue, time } from '../program/output.ts';
import { createProgress, inUnits } from '../program/progress.ts';
import { printable } from '../../observability/printable.ts';

interface Stores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
}

const lease = 'adopt';
const pageSize = 500;
/** Lines of the report that `--json` prints; the text output prints all. */
const maxJsonLines = 10_000;

/** `berth adopt`: takes over the store of registry:2 in place, also beside a running server. */
export async function adoptStore(invocation: Invocation): Promise<void> {
  const { options, warn } = invocation;
  const config = invocation.config();
  const showsStatus = options['status'] === true;
  // The first start of berth may come after the adoption.
  warn(`using the data in ${locateMetadata(config, !showsStatus)}`);
  const driver = await openBlobStore(config.storage.blobs);
  try {
    // Before the metadata is created: the path may be wrong.
    if (!showsStatus) await assertRepositories(driver);
    await withMetadata(config, async (metadata) => {
      if (!showsStatus) await run(invocation, config, { driver, metadata });
      await printReport(invocation, metadata);
    });
  } catch (error) {
    throw error instanceof CannotAdopt ? new CommandError(error.message) : error;
  } finally {
    await driver.close();
  }
}

async function withMetadata(config: Config, work: (metadata: MetadataStore) => Promise<void>): Promise<void> {
  const metadata = await openMetadata(config);
  try {
    await work(metadata);
  } finally {
    await metadata.close();
  }
}

async function run(invocation: Invocation, config: Config, stores: Stores): Promise<void> {
  const { driver, metadata } = stores;
  const state = await metadata.adoption.find();
  if (!state && (await unlessMissing(driver.stat(linksMarker))))
    throw new CommandError('the links in the store were written by berth: there is nothing to adopt');
  const held = await createLeases({ metadata, now: Date.now }).take(lease);
  if (!held) throw new CommandError('another process adopts the store at this moment');
  try {
    const finishes = invocation.options['finish'] === true;
    if (!finishes || (state?.finishedAt ?? null) === null) {
      await adoptAll(invocation, config, stores);
      // An interrupted run has read some links before the other registry became read-only.
      if (finishes && state?.endedAt === null) await adoptAll(invocation, config, stores);
    }
    if (finishes) await finish(config, stores);
  } finally {
    await held.release();
  }
}

async function adoptAll(invocation: Invocation, config: Config, { driver, metadata }: Stores): Promise<void> {
  const stopping = new AbortController();
  void invocation
    .onSignal()
    .then((signal) => stopping.abort(new CommandError(`${signal}: stopped; run the same command again to continue`)));
  // The report is the output; with --json nothing else may be.
  const write = asksForJson(invocation) ? () => undefined : invocation.write;
  const bar = createProgress('store', { isTerminal: invocation.isTerminal, write });
  try {
    await adopt({
      driver,
      metadata,
      now: Date.now,
      maxManifestBytes: config.manifests.maxSize,
      includesCache: invocation.options['includeCache'] === true,
      signal: stopping.signal,
      onProgress: ({ part, entries }) => bar.show(part, `${entries} files`),
    });
  } finally {
    bar.end();
  }
}

function finish({ storage }: Config, { driver, metadata }: Stores): Promise<void> {
  return finishAdoption({
    driver,
    metadata,
    writesLinks: storage.blobs.links === 'behind',
    author: { actor: 'command line', address: '', at: Date.now() },
  });
}

async function printReport(invocation: Invocation, metadata: MetadataStore): Promise<void> {
  const adoption = createAdoption(metadata);
  const report = await adoption.find();
  if (!report) {
    printValue(invocation, 'nothing was adopted', null);
    return;
  }
  const lines: object[] = [];
  for (let page = await adoption.listOddities(undefined, pageSize); page.length > 0;) {
    for (const oddity of page) {
      if (!asksForJson(invocation)) invocation.print(printable(describeOddity(oddity)));
      else if (lines.length < maxJsonLines) lines.push(oddity);
    }
    page = await adoption.listOddities(page.at(-1), pageSize);
  }
  printValue(invocation, summarize(report), toJson(report, lines));
}

function summarize({ blobs, bytes, manifests, tags, oddities, endedAt, finishedAt, part }: AdoptionReport): string {
  const count = oddities.reduce((sum, { count }) => sum + count, 0);
  const found = `${tags} tags, ${manifests} manifests, ${blobs} blobs with ${inUnits(bytes)}; ${count} oddities`;
  if (finishedAt !== null)
    return `${found}\nthe adoption is finished: restart berth, and do not start the other registry on this store any more`;
  if (endedAt === null) return `${found}\nthe run is not complete (${Math.floor(part * 100)} %): run berth adopt again`;
  return `${found}\nmake the other registry read-only, then run berth adopt --finish; until then berth deletes no content`;
}

function toJson(report: AdoptionReport, lines: readonly object[]) {
  const { startedAt, runAt, endedAt, finishedAt, part, blobs, bytes, layers, manifests, tags } = report;
  return {
    startedAt: time(startedAt),
    runAt: time(runAt),
    endedAt: time(endedAt),
    finishedAt: time(finishedAt),
    part,
    blobs,
    bytes,
    layers,
    manifests,
    tags,
    oddities: Object.fromEntries(report.oddities.map(({ kind, count }) => [kind, count])),
    lines,
  };
}
