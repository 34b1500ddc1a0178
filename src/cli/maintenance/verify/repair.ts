import type { Config } from '../../../../config/schema.ts';
import type { BlobDriver } from '../../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../../storage/metadata/store.ts';
import { openRepair } from '../../../assembly/maintenance/verification.ts';
import { openMirror } from '../../../assembly/upstreams.ts';
import { createLeases } from '../../../coordination/leases.ts';
import { createLog } from '../../../observability/log.ts';
import { createMetrics } from '../../../observability/metrics.ts';
import type { Invocation } from '../../program/command.ts';
import type { Wanted } from './options.ts';
import type { VerifiedStores } from './stores.ts';

/** Fetches all content in quarantine again. Returns what is right then. */
export async function repairAll(invocation: Invocation, config: Config, { from }: Wanted, { driver, metadata }: VerifiedStores) {
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
    import('../../../assembly/maintenance/sync.ts'),
    import('../../../registry/registry.ts'),
  ]);
  const now = Date.now;
  const registry = createRegistry({ driver, metadata, now, acceptMissing: false });
  const { log } = createLog({ level: 'silent', format: 'json' });
  const sync = await openSync(config, { registry, metadata, leases: createLeases({ metadata, now }), now, log });
  return { all: sync.peers, close: () => sync.close() };
}

/** Contents that one command fetches again. */
const maxRepairs = 100_000;
