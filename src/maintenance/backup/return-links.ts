import { linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { adopt } from '../adopt/adopt.ts';
import { type AdoptProgress, CannotAdopt } from '../adopt/parts.ts';
import { finishAdoption } from '../adopt/finish.ts';

export interface ReturnLinksOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Larger manifests are not returned, in bytes. */
  readonly maxManifestBytes: number;
  /** True if berth writes links behind changes. */
  readonly writesLinks: boolean;
  /** True if the database has rows of a backup; false if it is empty. */
  readonly hasRows: boolean;
  readonly onProgress: (progress: AdoptProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings back repositories, manifests and tags that the database does not have and that berth has written as links behind pushes.
 * A tag that the links and the database have follows the later move. Resolves to false if the store has no links of berth. Can be
 * repeated after it broke off.
 */
export async function returnLinks(options: ReturnLinksOptions): Promise<boolean> {
  const { driver, metadata, now, maxManifestBytes, writesLinks, hasRows, onProgress, signal } = options;
  if (!(await hasLinks(driver))) return false;
  const state = await metadata.adoption.find();
  if (state === undefined || state.finishedAt === null) {
    // Rows of a backup know the blobs before it; of later ones a look at those that links name is enough.
    const kinds = hasRows ? (['links'] as const) : (['blobs', 'links'] as const);
    await adopt({ driver, metadata, now, maxManifestBytes, kinds, includesCache: false, signal, onProgress });
    await finishAdoption({ driver, metadata, writesLinks, author: { actor: 'command line', address: '', at: now() } });
  }
  return true;
}

/**
 * Prepares an empty database for links without a backup: nothing is collected until the restore is finished, and pulls count from
 * now. Rejects `CannotAdopt` if the database is in use, or if the store has no links of berth.
 */
export async function beginFromLinks({
  driver,
  metadata,
  now,
}: Pick<ReturnLinksOptions, 'driver' | 'metadata' | 'now'>): Promise<void> {
  if (!(await hasLinks(driver)))
    throw new CannotAdopt('the store has no links of berth: use berth adopt for another registry, or berth restore --from-blobs');
  const isContinued = (await metadata.collectionState.find()).blockedBy !== null;
  const [used] = await metadata.repositories.list('', 1);
  if (used !== undefined && !isContinued) throw new CannotAdopt(`the target database already has ${used}: use an empty database`);
  await metadata.collectionState.block('restore', now());
  await metadata.pulls.restart(now());
}

/** True if the store has links that berth has written. */
async function hasLinks(driver: BlobDriver): Promise<boolean> {
  if (!(await unlessMissing(driver.stat(linksMarker)))) return false;
  for await (const { path } of driver.listEntries(repositoriesPrefix)) if (path.length > repositoriesPrefix.length) return true;
  return false;
}
