import { type BlobDriver, StorageError } from '../../../storage/blobs/driver.ts';
import {
  type MoveProgress,
  type Totals,
  blobTotals,
  blobsOf,
  isRecorded,
  moveMetadata,
  prepareSource,
} from '../../../storage/metadata/transfer/transfer.ts';
import { enterReadOnly, leaveReadOnly } from '../../../storage/metadata/sqlite/read-only.ts';
import { parseDigest } from '../../oci/digest.ts';
import { type BlobToCopy, type CopyProgress, copyBlobs } from './copy-blobs.ts';

export interface Move {
  readonly source: BlobDriver;
  readonly target: BlobDriver;
  /** The source's SQLite file. */
  readonly file: string;
  /** The target's PostgreSQL database. */
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Rejects when the operator wants to stop. */
  readonly interrupted: Promise<never>;
  onBlobs(progress: CopyProgress, totals: Totals): void;
  onFrozen(): void;
  onTable(progress: MoveProgress): void;
}

/** A blob recorded by a clock that stood a little back is looked at in the second pass too. */
const clockMilliseconds = 60 * 60 * 1000;

/**
 * Moves a running installation. Most of the blobs are copied while it serves as always; then it is frozen (pulls go on,
 * changes are told to try again), and what has come meanwhile and the metadata follow. When it resolves, the target has
 * everything that was ever acknowledged and the source stays frozen; when it rejects, the source goes on as before, and
 * another move finds the blobs that were copied.
 */
export async function move(options: Move): Promise<void> {
  const { source, target, file, url, now, interrupted, onBlobs, onFrozen, onTable } = options;
  prepareSource(file);
  const started = now();
  const totals = blobTotals(file);
  const copying = copyBlobs(source, target, blobs(file, 0), (progress) => onBlobs(progress, totals));
  const gone = await Promise.race([copying, interrupted]);

  async function finish(): Promise<void> {
    const lost = await copyBlobs(source, target, [...gone, ...blobs(file, started - clockMilliseconds)], () => undefined);
    const [first] = lost.filter(({ digest }) => isRecorded(file, digest));
    if (first) throw new StorageError('not_found', `the source has lost ${first.digest}: delete what needs it, or restore it`);
    await moveMetadata(file, url, onTable);
  }

  enterReadOnly(file);
  onFrozen();
  try {
    await Promise.race([finish(), interrupted]);
  } catch (error) {
    leaveReadOnly(file);
    throw error;
  }
}

function* blobs(file: string, since: number): Generator<BlobToCopy> {
  for (const { digest: text, sizeBytes } of blobsOf(file, since)) {
    const digest = parseDigest(text);
    if (digest) yield { digest, sizeBytes };
  }
}
