import type { Config } from '../../../../config/schema.ts';
import { type Difference, compareStore } from '../../../maintenance/verify/compare-store.ts';
import type { Digest } from '../../../oci/digest.ts';
import { CommandError, type Invocation } from '../../program/command.ts';
import { printRecords } from '../../program/output.ts';
import { createDataProgress, inUnits } from '../../program/progress.ts';
import type { VerifiedStores } from './stores.ts';

/** Orphans that are given to the collector at once. */
const batchOrphans = 500;

const columns = { PROBLEM: 'problem', CONTENT: 'content', SIZE: 'sizeBytes' } as const;

/** `berth verify --orphans`: compares the listing of the blob store with the records. */
export async function compareStores(
  invocation: Invocation,
  config: Config,
  { driver, metadata, signal }: VerifiedStores,
): Promise<void> {
  const deletes = invocation.options['deleteOrphans'] === true;
  const bar = createDataProgress('compare', invocation);
  const records: Compared[] = [];
  let orphans: Digest[] = [];
  let orphanBytes = 0;
  const hand = async () => {
    await metadata.reviews.addForBytes(orphans, Date.now());
    orphans = [];
  };
  const options = { driver, metadata, now: Date.now, graceMilliseconds: 2 * config.garbageCollection.grace * 1000, signal };
  try {
    const onProgress = (part: number, objects: number) => bar.show(part, `${objects} objects`);
    for await (const difference of compareStore({ ...options, onProgress })) {
      records.push(toRecord(difference));
      if (difference.kind !== 'orphan') continue;
      orphanBytes += difference.sizeBytes;
      orphans.push(difference.digest);
      if (deletes && orphans.length >= batchOrphans) await hand();
    }
    if (deletes && orphans.length > 0) await hand();
  } finally {
    bar.end();
  }
  printRecords(invocation, columns, records);
  if (records.length === 0) invocation.warn('the store and the records agree');
  const count = (problem: string) => records.filter((record) => record.problem === problem).length;
  const deletion = deletes ? 'the garbage collection of a running server deletes them' : '--delete-orphans deletes them';
  if (count('orphan') > 0) invocation.warn(`${count('orphan')} orphans with ${inUnits(orphanBytes)}: ${deletion}`);
  if (count('foreign') > 0) invocation.warn(`${count('foreign')} files are not from berth: they are never deleted`);
  const damaged = count('missing') + count('wrong_size');
  if (damaged > 0) throw new CommandError(`the bytes of ${damaged} blobs or manifests are missing or have another size`);
}

interface Compared {
  readonly problem: Difference['kind'];
  readonly content: string;
  readonly sizeBytes: number | null;
}

function toRecord(difference: Difference): Compared {
  const { kind } = difference;
  if (kind === 'foreign') return { problem: kind, content: difference.path, sizeBytes: null };
  return { problem: kind, content: difference.digest, sizeBytes: difference.sizeBytes };
}
