import { size } from '../../../config/keys.ts';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { createSpend, openRepair, openVerificationOverview, openVerifier } from '../../assembly/maintenance/verification.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { openMirror } from '../../assembly/upstreams.ts';
import { createLeases } from '../../coordination/leases.ts';
import { nameImages } from '../../maintenance/verify/affected-images.ts';
import type { Depth } from '../../maintenance/verify/check-content.ts';
import { type Verified, verifyOnce } from '../../maintenance/verify/verify-once.ts';
import { WrongStore } from '../../maintenance/verify/verifier.ts';
import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { createLog } from '../../observability/log.ts';
import { createMetrics } from '../../observability/metrics.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { asksForJson, printRecords, printValue } from '../program/output.ts';
import { createDataProgress, inUnits } from '../program/progress.ts';
import { compare } from './verify-orphans.ts';

/** The options of a command line. */
interface Wanted {
  readonly depth: Depth;
  readonly percent: number;
  readonly repositories: Pattern | undefined;
  readonly bytesPerSecond: number;
  readonly repairs: boolean;
  readonly from: RepositoryName | undefined;
}

/** `berth verify`: compares stored bytes with their digests, also beside a running server. */
export async function verify(invocation: Invocation): Promise<void> {
  const wanted = readOptions(invocation);
  const config = invocation.config();
  const driver = await openBlobStore(config.storage.blobs);
  const metadata = await openMetadata(config);
  const stopping = new AbortController();
  void invocation.onSignal().then((signal) => stopping.abort(new CommandError(`${signal}: stopped; what was found is recorded`)));
  try {
    if (invocation.options['orphans'] === true) await compare(invocation, config, { driver, metadata, signal: stopping.signal });
    else await verifyContent(invocation, config, wanted, { driver, metadata, signal: stopping.signal });
  } catch (error) {
    throw error instanceof WrongStore ? new CommandError(error.message) : error;
  } finally {
    await metadata.close();
    await driver.close();
  }
}

function readOptions({ options }: Invocation): Wanted {
  const { quick, deep, orphans, deleteOrphans, repair } = options;
  const { sample, repository, bandwidth, from } = options as Readonly<Record<string, string | undefined>>;
  if ([quick, deep, sample !== undefined, orphans].filter((chosen) => chosen === true).length > 1)
    throw new UsageError('--quick, --deep, --sample and --orphans exclude each other');
  if (deleteOrphans === true && orphans !== true) throw new UsageError('--delete-orphans needs --orphans');
  return {
    depth: deep === true || sample !== undefined ? 'deep' : 'quick',
    percent: sample === undefined ? 100 : readPercent(sample),
    repositories: repository === undefined ? undefined : readPattern(repository),
    bytesPerSecond: bandwidth === undefined ? 0 : readSize(bandwidth),
    repairs: repair === true || from !== undefined,
    from: from === undefined ? undefined : readRepository(from),
  };
}

function readPercent(text: string): number {
  const percent = Number(/^(\d{1,3})%?$/.exec(text)?.[1]);
  if (!(percent >= 1 && percent <= 100)) throw new UsageError('--sample must be a percentage from 1% to 100%');
  return percent;
}

function readPattern(text: string): Pattern {
  const pattern = parsePattern(text);
  if (!pattern) throw new UsageError(`${text} is not a pattern of repositories: write NAME, PREFIX/* or PREFIX/**`);
  return pattern;
}

function readSize(text: string): number {
  try {
    return size('', '').parse(text);
  } catch (error) {
    throw new UsageError(`--bandwidth ${(error as Error).message}`);
  }
}

function readRepository(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new UsageError(`${text} is not the name of a mirrored repository, such as ghcr.io/owner/app`);
  return name;
}

interface Stores {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly signal: AbortSignal;
}

async function verifyContent(invocation: Invocation, config: Config, wanted: Wanted, stores: Stores): Promise<void> {
  const bar = createDataProgress('verify', invocation);
  const { metadata, signal } = stores;
  const spend = createSpend(wanted.bytesPerSecond);
  const verified = await verifyOnce({
    ...wanted,
    metadata,
    verifier: openVerifier({ ...stores, now: Date.now }),
    pace: { signal, spend: (bytes) => spend(bytes, signal) },
    now: Date.now,
    random: Math.random,
    onProgress: (done, total) =>
      bar.show(
        total.contents === 0 ? 1 : Math.min(1, (done.contents + done.bytes) / (total.contents + total.bytes)),
        `${done.contents} of ${total.contents} blobs, ${inUnits(done.bytes)} of ${inUnits(total.bytes)}`,
      ),
  }).finally(bar.end);
  const repaired = [...verified.repaired, ...(wanted.repairs ? await repairAll(invocation, config, wanted, stores) : [])];
  await report(invocation, config, stores, { ...verified, repaired });
}

/** Fetches all content in quarantine again. Returns what is right then. */
async function repairAll(invocation: Invocation, config: Config, { from }: Wanted, { driver, metadata }: Stores) {
  const { log } = createLog({ level: 'silent', format: 'json' });
  // First, since it rejects for a wrong `sync`: it has no connections before the first repair, and nothing to close then.
  const peers = await openPeers(config, driver, metadata);
  const mirror = await openMirror(config, driver, metadata, Date.now, log, { metrics: createMetrics().mirror });
  const repair = openRepair({ driver, metadata, now: Date.now, mirror, peers: peers.all });
  const repaired = [];
  try {
    for (const { digest } of await metadata.corruptContent.list('', maxRepairs)) {
      if (await repair.tryRepair(digest, from)) repaired.push(digest);
      const [failed] = await metadata.corruptContent.findAll([digest]);
      if (failed)
        invocation.warn(`${digest}: ${failed.repairError ?? 'it was pushed: name a repository that has it with --from'}`);
    }
  } finally {
    await peers.close();
    await mirror.close();
  }
  return repaired;
}

/** Opens the registries of `sync` as sources for repairs. */
async function openPeers(config: Config, driver: BlobDriver, metadata: MetadataStore) {
  if (config.sync.length === 0) return { all: [], close: () => Promise.resolve() };
  const [{ openSync }, { createRegistry }] = await Promise.all([
    import('../../assembly/maintenance/sync.ts'),
    import('../../registry/registry.ts'),
  ]);
  const now = Date.now;
  const registry = createRegistry({ driver, metadata, now, acceptMissing: false });
  const { log } = createLog({ level: 'silent', format: 'json' });
  const sync = await openSync(config, { registry, metadata, leases: createLeases({ metadata, now }), now, log });
  return { all: sync.peers, close: () => sync.close() };
}

/** Contents that one command fetches again. */
const maxRepairs = 100_000;
/** Contents that are listed. */
const maxListed = 1000;

const columns = { DIGEST: 'digest', PROBLEM: 'problem', SIZE: 'sizeBytes', IMAGES: 'images' } as const;

async function report(invocation: Invocation, config: Config, stores: Stores, verified: Verified): Promise<void> {
  const overview = openVerificationOverview(config, { ...stores, now: Date.now });
  const { items } = await overview.listCorrupt('', maxListed);
  const corrupt = items.map(({ digest, problem, sizeBytes, images, more, repairError }) => {
    return { digest, problem, sizeBytes, images: nameImages(images), more, repairError };
  });
  const unreadable = verified.unreadable.map(({ digest, error }) => ({ digest, error: (error as Error).message }));
  const { checked, bytes, repaired } = verified;
  if (asksForJson(invocation)) printValue(invocation, '', { checked, bytes, corrupt, unreadable, repaired });
  else {
    if (corrupt.length > 0) {
      const names = (images: readonly string[]) => (images.length > 0 ? images.join(', ') : null);
      printRecords(
        invocation,
        columns,
        corrupt.map((one) => ({ ...one, images: names(one.images) })),
      );
    }
    for (const { digest, error } of unreadable) invocation.warn(`${digest} could not be read: ${error}`);
    for (const digest of repaired) invocation.print(`${digest} is right again`);
    invocation.print(`${checked} blobs and manifests verified, ${inUnits(bytes)}`);
  }
  const failures = [
    ...(corrupt.length > 0 ? [`${await overview.countCorrupt()} are corrupt and are not served`] : []),
    ...(unreadable.length > 0 ? [`${unreadable.length} could not be read`] : []),
  ];
  if (failures.length > 0) throw new CommandError(`of the stored blobs and manifests ${failures.join(', ')}`);
}
