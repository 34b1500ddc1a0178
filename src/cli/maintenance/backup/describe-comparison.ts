import type { StoreComparison } from '../../../maintenance/backup/comparison.ts';
import { inUnits } from '../../program/progress.ts';

/** Describes what a comparison of the blob store with the records has found. */
export function describe({ recorded, missing, missingBytes, unrecorded, unrecordedBytes }: StoreComparison): string {
  return (
    `${recorded} blobs and manifests are recorded, ${missing} of them are missing (${inUnits(missingBytes)}); ` +
    `${unrecorded} in the store have no record (${inUnits(unrecordedBytes)})`
  );
}
