import { layerLink } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { ContentEventKind } from '../../../storage/metadata/queries/steps/events.ts';
import type { ContentOfEvent } from '../../../storage/metadata/queries/events.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createLru } from '../../coordination/lru.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import type { EventHandler } from '../../events/consumer.ts';
import { type RepositoryLinks, createRepositoryLinks, settled } from './repository-links.ts';

export interface LinkConsumerOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'distribution'>;
}

/** Name of the consumer in the metadata store. */
export const linkConsumerName = 'links';

const batch = 200;
/** An operating system writes files to the disk within half a minute. */
const unsyncedSeconds = 120;
/** Events handled at a time: a remote store answers each write after some milliseconds. */
const maxAtOnce = 8;
/** About two megabytes. */
const maxRemembered = 10_000;

/**
 * Handles events by writing the links of Distribution's layout: another registry that is started on the store serves what was
 * pushed here. The links follow the metadata store, not the event: whatever an event says, they become what is true now.
 *
 * At a remote store, where a look costs a request, the handler remembers layer links that it has written. It forgets them
 * when another process has handled events, which may have deleted some.
 */
export function createLinkHandler({ driver, metadata }: LinkConsumerOptions): EventHandler {
  const written = driver.capabilities.remote ? createLru<number>(maxRemembered) : undefined;
  let handledTo: number | undefined;
  return {
    name: linkConsumerName,
    batch,
    isPrompt: false,
    repeatSeconds: driver.capabilities.remote ? 0 : unsyncedSeconds,
    async handle(events, { after, assertHeld, signal }) {
      const links = createRepositoryLinks({ driver, metadata, assertHeld, written });
      const limited = createSemaphore({ maxAtOnce, maxWaiting: batch });
      const changes = events.flatMap(({ kind, content }) => (content ? [{ kind, ...content }] : []));
      if (after !== handledTo) written?.clear();
      handledTo = undefined;
      // An export may have deleted the link since, although a later event of these brings the blob back.
      for (const change of changes) if (isOfBlob(change)) written?.delete(layerLink(change.repository, change.digest));
      const write = (change: Change) =>
        limited(async () => {
          signal.throwIfAborted();
          await writeLinks(links, change);
        });
      await settled(changes.map(write));
      // In the order of the events: an index was deleted before its children, a manifest before its layers.
      for (const change of changes) if (!additions.has(change.kind)) await removeLinks(links, change);
      handledTo = events.at(-1)?.id;
    },
  };
}

interface Change extends ContentOfEvent {
  readonly kind: string;
}

/** Kinds of events after which there is nothing to remove: what was deleted since has an event of its own. */
const additions: ReadonlySet<string> = new Set<ContentEventKind>(['manifest.push', 'blob.mount']);

const isOfBlob = ({ kind }: Change) => kind.startsWith('blob.');

/** Writes the links of a change. Also removes tags, which lead to manifests: those are removed later. */
async function writeLinks(links: RepositoryLinks, change: Change): Promise<void> {
  const { repository, digest, tags } = change;
  if (isOfBlob(change)) return links.writeBlob(repository, digest);
  for (const { name } of tags) await links.settleTag(repository, name);
  await links.writeManifest(repository, digest);
}

function removeLinks(links: RepositoryLinks, change: Change): Promise<void> {
  const { repository, digest } = change;
  return isOfBlob(change) ? links.removeBlob(repository, digest) : links.removeManifest(repository, digest);
}
