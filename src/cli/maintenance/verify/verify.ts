import type { Config } from '../../../../config/schema.ts';
import { openBlobStore } from '../../../assembly/blob-store.ts';
import { createSpend, openVerifier } from '../../../assembly/maintenance/verification.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { WrongStore } from '../../../maintenance/verify/verifier.ts';
import { verifyOnce } from '../../../maintenance/verify/verify-once.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { createDataProgress, inUnits } from '../../program/progress.ts';
import { type Wanted, readOptions } from './options.ts';
import { compareStores } from './orphans.ts';
import { repairAll } from './repair.ts';
import { report } from './report.ts';
import type { VerifiedStores } from './stores.ts';

/** `berth verify`: compares stored bytes with their digests, also beside a running server. */
export async function verify(invocation: Invocation): Promise<void> {
  const wanted = readOptions(invocation);
  const config = invocation.config();
  const driver = await openBlobStore(config.storage.blobs);
  const metadata = await openMetadata(config);
  const stopping = new AbortController();
  void invocation.onSignal().then((signal) => stopping.abort(new CommandError(`${signal}: stopped; what was found is recorded`)));
  try {
    if (invocation.options['orphans'] === true)
      await compareStores(invocation, config, { driver, metadata, signal: stopping.signal });
    else await verifyContent(invocation, config, wanted, { driver, metadata, signal: stopping.signal });
  } catch (error) {
    throw error instanceof WrongStore ? new CommandError(error.message) : error;
  } finally {
    await metadata.close();
    await driver.close();
  }
}

async function verifyContent(invocation: Invocation, config: Config, wanted: Wanted, stores: VerifiedStores): Promise<void> {
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
