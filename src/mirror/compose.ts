import { type Cache, composeCache } from './compose-cache.ts';
import { type Content, composeContent } from './compose-content.ts';
import { type Network, composeNetwork } from './compose-network.ts';
import { type Views, composeViews } from './compose-views.ts';
import { createEventReporter } from './event-reporter.ts';
import type { MirrorEvents } from './events/mirror-events.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { BackgroundMirror, Mirror } from './mirror.ts';
import { type UnknownCode, toMirrorError } from './mirror-error.ts';
import { type MirroredRepository, createRouting } from './names/routing.ts';
import { openPassedThrough } from './visibility/passed-through.ts';

interface Parts {
  readonly options: MirrorOptions;
  readonly events: MirrorEvents;
  readonly network: Network;
  readonly cache: Cache;
  readonly content: Content;
  readonly views: Views;
}

/** Makes a mirror from its parts. Rejects with errors of the file system, where the folder of downloads cannot be made. */
export async function createMirror(options: MirrorOptions): Promise<Mirror> {
  const events = createEventReporter(options);
  const network = composeNetwork(options, events);
  const cache = composeCache(options, events);
  const content = await composeContent({ options, events, network, cache });
  const views = composeViews(options, events, network);
  const parts = { options, events, network, cache, content, views };
  const { upstreams } = network;
  const { eviction, lastUsed, reservations, trash } = cache;
  const background = createBackgroundMirror(parts);
  return {
    ...background,
    ...createLookups(parts),
    background,
    visibility: views.visibility,
    passThrough: views.passThrough,
    passedThrough: await openPassedThrough(options.metadata, upstreams.all),
    search: views.search,
    pressure: content.pressure,
    isPrefix: (text) => upstreams.find(text) !== undefined || /[.:]/.test(text),
    upstreams: () => upstreams.all,
    useUpstreams(next) {
      network.replace(next);
      content.forgetAbsences();
    },
    state: () => ({
      fills: content.fills.count,
      fillBytes: content.fills.bytes,
      sizeBytes: eviction.sizeBytes,
      ...network.state(),
    }),
    probe: network.probe,
    fills: content.fills.list,
    evict: eviction.evict,
    lost: content.lost,
    inUse: lastUsed.pinWhileOpen,
    trash,
    emptyTrash: () => trash.empty(),
    makeRoom: eviction.makeRoom,
    recover: reservations.settleAllArrivals,
    ...createUpkeep(parts),
  };
}

/** The lookups of background jobs: they count as no use and as nothing that a client got. */
function createBackgroundMirror({ options, network, content }: Parts): BackgroundMirror {
  const { metadata, now, fallback } = options;
  const { upstreams } = network;
  return {
    locate: createRouting({
      upstreams,
      fallback,
      isPushed: (name) => metadata.repositories.isPushed(name),
    }),
    manifest: (source, ...request) =>
      withMirrorErrors(source, 'MANIFEST_UNKNOWN', () => content.manifests.get(source, ...request)),
    blob: (source, ...request) => withMirrorErrors(source, 'BLOB_UNKNOWN', () => content.blobs.get(source, ...request)),
    async markWanted(digest) {
      await metadata.mirroredContent.refuseBlob(digest, now());
    },
  };
}

/** The lookups of clients. */
function createLookups(parts: Parts): Pick<Mirror, 'manifest' | 'blob' | 'tags' | 'referrers'> {
  const { events, content, views } = parts;
  const { now } = parts.options;
  const { lastUsed } = parts.cache;
  return {
    manifest: (source, reference, bodyWanted) =>
      withMirrorErrors(source, 'MANIFEST_UNKNOWN', async () => {
        const requestedAt = now();
        const found = await content.manifests.get(source, reference, bodyWanted);
        lastUsed.touch(found.digest, requestedAt);
        events.served(source.upstream.name, 'manifest', found.cache);
        return found;
      }),
    blob: (source, digest, bodyWanted) =>
      withMirrorErrors(source, 'BLOB_UNKNOWN', async () => {
        if (bodyWanted) lastUsed.touch(digest, now());
        const found = await content.blobs.get(source, digest, bodyWanted);
        events.served(source.upstream.name, 'blob', found.cache);
        const { open } = found;
        return open ? { ...found, open: (range) => lastUsed.pinWhileOpen(digest, open(range)) } : found;
      }),
    tags: (source, query) => withMirrorErrors(source, 'NAME_UNKNOWN', () => views.listings.tags(source, query)),
    referrers: (source, subject, query) =>
      withMirrorErrors(source, 'NAME_UNKNOWN', () => views.listings.referrers(source, subject, query)),
  };
}

/** Files of broken downloads are deleted after this time. */
const partialSeconds = 24 * 3600;
/** The largest part of the mirror's size that such files may have together. */
const partialShare = 0.1;
/** A second request for a huge blob counts as one within this time. */
const refusalSeconds = 7 * 24 * 3600;

function createUpkeep({ options, network, cache, content, views }: Parts): Pick<Mirror, 'tidy' | 'tidyStores' | 'close'> {
  const { metadata, now, maxBytes } = options;
  const { eviction, lastUsed, reservations } = cache;
  return {
    async tidy() {
      await lastUsed.flush();
      await reservations.renew();
      await eviction.measure();
      network.closeUnused();
      await content.fills.sweep(now() - partialSeconds * 1000, maxBytes * partialShare);
    },
    async tidyStores() {
      await eviction.run();
      await reservations.releaseExpired();
      await metadata.mirroredContent.forgetRefusals(now() - refusalSeconds * 1000);
    },
    async close() {
      eviction.stop();
      await content.fills.close();
      await eviction.close();
      await lastUsed.flush();
      network.close();
      views.search.close();
    },
  };
}

/** Runs `work`. Rejects `MirrorError` for a failure of the upstream. */
async function withMirrorErrors<Result>(
  source: MirroredRepository,
  unknownCode: UnknownCode,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toMirrorError(error, source, unknownCode);
  }
}
