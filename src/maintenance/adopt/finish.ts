import { linksMarker, repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { DatedAuthor } from '../../../storage/metadata/queries/steps/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { writeMarker } from '../export/repository-links.ts';
import { linkConsumerName } from '../export/link-consumer.ts';
import { schedulerState } from './adopt.ts';
import { inArrays } from './merge.ts';
import { CannotAdopt } from './parts.ts';

export interface FinishOptions {
  readonly driver: Pick<BlobDriver, 'stat' | 'put' | 'list' | 'delete'>;
  readonly metadata: Pick<MetadataStore, 'adoption' | 'events'>;
  /** True if berth writes links behind changes. */
  readonly writesLinks: boolean;
  readonly author: DatedAuthor;
}

/** Links that are deleted, or whose records are deleted, at a time. */
const batch = 1000;

/**
 * Makes the store berth's: garbage collection may delete what nothing needs. Where berth writes links, it owns those of the
 * other registry from now on. Its next start writes links for the changes in the table `events`; `berth export` writes links
 * for earlier changes. The links of a pull-through cache are deleted. Can be repeated. Rejects `CannotAdopt` if there
 * was no complete run.
 */
export async function finishAdoption({ driver, metadata, writesLinks, author }: FinishOptions): Promise<void> {
  const state = await metadata.adoption.find();
  if (!state || (state.finishedAt === null && state.endedAt === null))
    throw new CannotAdopt('no run of the adoption is complete: run berth adopt to its end first');
  await metadata.adoption.finish(author);
  if (state.upstream !== null) await removeLinks(driver);
  if (writesLinks) {
    await metadata.events.addConsumer(linkConsumerName);
    // Without the marker berth has written no links: those of earlier pushes are missing too.
    if (await unlessMissing(driver.stat(linksMarker))) await metadata.events.rewind(linkConsumerName, state.startedAt);
    else await metadata.events.rewindToStart(linkConsumerName);
    await writeMarker(driver);
  }
  while ((await metadata.adoption.forgetLinks(batch)) === batch);
}

/**
 * Deletes the links of a pull-through cache: mirrored repositories have none, because their content is evicted. Once berth writes
 * links of its own, which it does not before it has marked them, nothing is deleted.
 */
async function removeLinks(driver: FinishOptions['driver']): Promise<void> {
  if (await unlessMissing(driver.stat(linksMarker))) return;
  for await (const keys of inArrays(driver.list(repositoriesPrefix), batch)) await driver.delete(keys);
  await driver.delete([schedulerState]);
}
