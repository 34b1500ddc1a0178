import type { Config } from '../../../../config/schema.ts';
import { openVerificationOverview } from '../../../assembly/maintenance/verification.ts';
import { nameImages } from '../../../maintenance/verify/affected-images.ts';
import type { Verified } from '../../../maintenance/verify/verify-once.ts';
import { type Invocation, CommandError } from '../../program/command.ts';
import { asksForJson, printRecords, printValue } from '../../program/output.ts';
import { inUnits } from '../../program/progress.ts';
import type { VerifiedStores } from './stores.ts';

/** Contents that are listed. */
const maxListed = 1000;

const columns = { DIGEST: 'digest', PROBLEM: 'problem', SIZE: 'sizeBytes', IMAGES: 'images' } as const;

/** Prints what is corrupt or could not be read, and what was repaired. Throws `CommandError` if something is wrong. */
export async function report(invocation: Invocation, config: Config, stores: VerifiedStores, verified: Verified): Promise<void> {
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
