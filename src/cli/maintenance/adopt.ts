import { existsSync } from 'node:fs';
import type { Config } from '../../../config/schema.ts';
import { linksMarker } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { AdoptionState } from '../../../storage/metadata/queries/adoption/runs.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { metadataFile, openMetadata } from '../../assembly/metadata-store.ts';
import type { StoreInventory } from '../../assembly/adoption/inventory.ts';
import { readUpstreams } from '../../assembly/registries/upstream-settings.ts';
import { takeAbandonedLease } from '../../coordination/lease-wait.ts';
import { createLeases } from '../../coordination/leases.ts';
import { adopt, assertRepositories } from '../../maintenance/adopt/adopt.ts';
import { type AdoptedUpstream, CannotAdopt } from '../../maintenance/adopt/parts.ts';
import { finishAdoption } from '../../maintenance/adopt/finish.ts';
import { createUpstreams, mirroredName } from '../../upstream/upstream.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { asksForJson, time } from '../program/output.ts';
import { createProgress } from '../program/progress.ts';
import { printReport } from './adopt-report.ts';

interface Stores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
}

const lease = 'adopt';

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
    if (!showsStatus && isMetadataMissing(config)) await assertRepositories(driver);
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

/** False for PostgreSQL: its database is there. */
function isMetadataMissing(config: Config): boolean {
  return config.storage.metadata.driver === 'sqlite' && !existsSync(metadataFile(config));
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
  const { metadata } = stores;
  const held = await takeAbandonedLease(lease, {
    leases: createLeases({ metadata, now: Date.now }),
    metadata,
    onWait: (until) => invocation.warn(`another process adopts the store, or was killed: waiting until ${String(time(until))}`),
  });
  if (!held) throw new CommandError('another process is adopting the store: run this command again when it has ended');
  try {
    await runAlone(invocation, config, stores);
  } finally {
    await held.release();
  }
}

async function runAlone(invocation: Invocation, config: Config, stores: Stores): Promise<void> {
  const { driver, metadata } = stores;
  const state = await metadata.adoption.find();
  if (!state && (await unlessMissing(driver.stat(linksMarker))))
    throw new CommandError('the links in the store were written by berth: there is nothing to adopt');
  if (invocation.options['inventory'] !== undefined) assertFirstRun(invocation, state);
  const upstream = await chooseUpstream(invocation, config, state);
  const finishes = invocation.options['finish'] === true;
  if (!finishes || (state?.finishedAt ?? null) === null) {
    await adoptAll(invocation, config, stores, upstream);
    // An interrupted run has read some links before the other registry became read-only.
    if (finishes && state?.endedAt === null) await adoptAll(invocation, config, stores, upstream);
  }
  if (finishes) await finish(config, stores);
}

/** An inventory is up to a week old: later runs would take for deleted what was pushed since. */
function assertFirstRun({ options }: Invocation, state: AdoptionState | undefined): void {
  const isFirst = !state || (state.endedAt === null && state.startedAt === state.runAt);
  if (options['finish'] === true || !isFirst)
    throw new CommandError('--inventory is for the first run: later ones list the bucket, to see what was pushed since');
}

/** Returns the upstream whose mirrored content the store has: the one of the option, or of the run before. */
async function chooseUpstream(
  { options }: Invocation,
  config: Config,
  state: AdoptionState | undefined,
): Promise<AdoptedUpstream | undefined> {
  const begun = state?.finishedAt === null ? state.upstream : null;
  const named = (options['upstream'] as string | undefined) ?? begun ?? undefined;
  if (named === undefined) {
    if (options['assumeCache'] === true) throw new CommandError('--assume-cache needs --upstream NAME');
    return undefined;
  }
  if (options['includeCache'] === true)
    throw new CommandError(`the store is adopted as mirrored content of ${named}, or with --include-cache as pushed content`);
  const upstreams = createUpstreams(await readUpstreams(config));
  const address = URL.canParse(named) ? new URL(named).href : undefined;
  const upstream = upstreams.find(named) ?? upstreams.all.find(({ url }) => url.href === address);
  if (!upstream) {
    const names = upstreams.all.map(({ name }) => name).join(', ');
    throw new CommandError(`${named} is not mirrored: add it to mirror.upstreams; there are ${names === '' ? 'none' : names}`);
  }
  return { name: upstream.name, localNameOf: (repository) => mirroredName(upstream, repository) };
}

async function adoptAll(
  invocation: Invocation,
  config: Config,
  { driver, metadata }: Stores,
  upstream: AdoptedUpstream | undefined,
): Promise<void> {
  const stopping = new AbortController();
  void invocation
    .onSignal()
    .then((signal) => stopping.abort(new CommandError(`${signal}: stopped; run the same command again to continue`)));
  // The report is the output; with --json nothing else may be.
  const write = asksForJson(invocation) ? () => undefined : invocation.write;
  const inventory = await openInventory(invocation, config, driver, stopping.signal, write);
  const bar = createProgress('store', { isTerminal: invocation.isTerminal, write });
  try {
    await adopt({
      driver: { ...driver, ...(inventory && { listEntries: inventory.listEntries }) },
      metadata,
      now: Date.now,
      maxManifestBytes: config.manifests.maxSize,
      includesCache: invocation.options['includeCache'] === true,
      upstream,
      assumesCache: invocation.options['assumeCache'] === true,
      signal: stopping.signal,
      onProgress: ({ part, entries }) => bar.show(part, `${entries} files`),
    });
    await inventory?.remove();
  } finally {
    inventory?.close();
    bar.end();
  }
}

/** Reads the inventory that the option names; undefined if there is none. */
async function openInventory(
  { options, isTerminal }: Invocation,
  { storage }: Config,
  driver: BlobDriver,
  signal: AbortSignal,
  write: (text: string) => void,
): Promise<StoreInventory | undefined> {
  const location = options['inventory'] as string | undefined;
  if (location === undefined) return undefined;
  const { openStoreInventory } = await import('../../assembly/adoption/inventory.ts');
  const bar = createProgress('inventory', { isTerminal, write });
  const onFile = (done: number, all: number) => bar.show(done / all, `${done} of ${all} files`);
  try {
    return await openStoreInventory(storage.blobs, { location, driver, below: 'docker/registry/v2/', signal, onFile });
  } catch (error) {
    throw error instanceof Error && error.name === 'InvalidInventory'
      ? new CommandError(`the inventory: ${error.message}`)
      : error;
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
