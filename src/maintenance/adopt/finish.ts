import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { DatedAuthor } from '../../../storage/metadata/queries/steps/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { writeMarker } from '../export/repository-links.ts';
import { linkConsumerName } from '../export/link-consumer.ts';
import { CannotAdopt } from './parts.ts';

export interface FinishOptions {
  readonly driver: Pick<BlobDriver, 'stat' | 'put'>;
  readonly metadata: Pick<MetadataStore, 'adoption' | 'events'>;
  /** True if berth writes links behind changes. */
  readonly writesLinks: boolean;
  readonly author: DatedAuthor;
}

/** Links whose records one transaction deletes. */
const batch = 1000;

/**
 * Makes the store berth's: garbage collection may delete what nothing needs. Where berth writes links, those of the other
 * registry are its own from now on, and it catches up with the changes since the adoption began. Can be repeated. Rejects
 * `CannotAdopt` if there was no complete run.
 */
export async function finishAdoption({ driver, metadata, writesLinks, author }: FinishOptions): Promise<void> {
  const state = await metadata.adoption.find();
  if (!state || (state.finishedAt === null && state.endedAt === null))
    throw new CannotAdopt('no run of the adoption is complete: run berth adopt to its end first');
  if (writesLinks) {
    await metadata.events.addConsumer(linkConsumerName);
    await metadata.events.rewind(linkConsumerName, state.startedAt);
  }
  await metadata.adoption.finish(author);
  if (writesLinks) await writeMarker(driver);
  while ((await metadata.adoption.forgetLinks(batch)) === batch);
}
