import type { Config } from '../../../../config/schema.ts';
import { openBlobStore } from '../../../assembly/blob-store.ts';
import { readDeletion } from '../../../assembly/maintenance/deletion-settings.ts';
import { openAdmission } from '../../../assembly/maintenance/quotas.ts';
import { type Sync, openSync } from '../../../assembly/maintenance/sync.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { createLeases } from '../../../coordination/leases.ts';
import type { RunnableEntry } from '../../../maintenance/sync/runner.ts';
import { createLog } from '../../../observability/log.ts';
import { createRegistry } from '../../../registry/registry.ts';
import { locateMetadata } from '../../accounts/admin-command.ts';
import { CommandError, type Invocation, UsageError } from '../../program/command.ts';
import { runEntries } from './run-entries.ts';
import { printStatus } from './status.ts';

/** `berth sync`: copies now, also beside a running server, or shows what was copied. */
export async function runSync(invocation: Invocation): Promise<void> {
  const config = invocation.config();
  if (config.sync.length === 0) throw new CommandError('sync has no entries: see docs/sync.md');
  invocation.warn(`using the data in ${locateMetadata(config)}`);
  const [driver, metadata] = [await openBlobStore(config.storage.blobs), await openMetadata(config)];
  const now = Date.now;
  const leases = createLeases({ metadata, now });
  const admission = openAdmission(config, metadata);
  const registry = createRegistry({ driver, metadata, now, leases, admission, ...readDeletion(config) });
  const { log } = createLog({ level: 'silent', format: 'json' });
  const sync = await openSync(config, { registry, metadata, leases, now, log });
  try {
    const chosen = chooseEntries(sync, config, invocation);
    if (invocation.options['status'] === true) await printStatus(sync, chosen, invocation);
    else await runEntries(sync, chosen, invocation);
  } finally {
    await sync.close();
    await registry.uploads.close();
    await metadata.close();
    await driver.close();
  }
}

function chooseEntries({ entries }: Sync, config: Config, { operands: [name] }: Invocation): readonly RunnableEntry[] {
  if (name === undefined) return entries;
  const found = entries.filter(({ entry }) => entry.name === name);
  if (found.length === 0)
    throw new UsageError(`sync has no entry ${name}: it has ${config.sync.map((one) => one.name).join(', ')}`);
  return found;
}
