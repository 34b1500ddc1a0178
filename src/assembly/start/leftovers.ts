import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { Log } from '../../observability/log.ts';
import type { Uploads } from '../../registry/uploads.ts';

interface LeftoversOptions {
  readonly driver: BlobDriver;
  readonly uploads: Uploads;
  /** Uploads without a session that have rested since then are removed; milliseconds since 1970. */
  readonly before: number;
  readonly log: Log;
  /** Aborted when berth shuts down. */
  readonly signal: AbortSignal;
}

/** Removes what crashed processes left in the blob store, while berth serves already. Never rejects: failures are logged. */
export async function removeLeftovers({ driver, uploads, before, log, signal }: LeftoversOptions): Promise<void> {
  try {
    await driver.removeLeftovers?.(signal);
    const count = await uploads.sweep(before, signal);
    if (count > 0) log.info({ uploads: count }, 'removed uploads that a crash left');
  } catch (error) {
    log.error({ err: error }, 'could not remove what a crash left; the next start tries again');
  }
}
