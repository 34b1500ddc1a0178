import { openBlobStore } from '../../../assembly/blob-store.ts';
import { noRetentionEvents, openRetention } from '../../../assembly/maintenance/retention.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { type RetentionOverview, createRetentionOverview } from '../../../maintenance/retention/overview.ts';
import type { Invocation, Run } from '../../program/command.ts';

/** Makes a command that uses the stores beside a running server. */
export function retentionCommand(run: (invocation: Invocation, overview: RetentionOverview) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    const driver = await openBlobStore(config.storage.blobs);
    const metadata = await openMetadata(config);
    try {
      const retention = openRetention(config, { driver, metadata, now: Date.now, events: noRetentionEvents });
      await run(invocation, createRetentionOverview(metadata, retention, Date.now));
    } finally {
      await metadata.close();
      await driver.close();
    }
  };
}
