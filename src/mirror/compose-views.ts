import type { Network } from './compose-network.ts';
import type { MirrorEvents } from './events/mirror-events.ts';
import type { MirrorOptions } from './mirror-options.ts';
import { type RemoteListings, createRemoteListings } from './remote/remote-listings.ts';
import { type RemoteSearch, createRemoteSearch } from './remote/remote-search.ts';
import { createStoredListings } from './remote/stored-listings.ts';
import { createUpstreamWaits } from './remote/upstream-waits.ts';
import { createAnonymousView } from './visibility/anonymous-view.ts';
import { type PassThrough, createPassThrough } from './visibility/pass-through.ts';
import { type UpstreamVisibility, createUpstreamVisibility } from './visibility/upstream-visibility.ts';

/** What upstreams list, find and show. */
export interface Views {
  readonly listings: RemoteListings;
  readonly search: RemoteSearch;
  readonly visibility: UpstreamVisibility;
  readonly passThrough: PassThrough;
}

export function composeViews(options: MirrorOptions, events: MirrorEvents, network: Network): Views {
  const { metadata, now, freshnessSeconds, timeouts } = options;
  const { clientOf, anonymousClientOf, countReceived, waits } = network;
  const view = createAnonymousView({
    clientOf: anonymousClientOf,
    largestManifestBytes: options.maxManifestBytes,
    now,
    onReceived: countReceived,
  });
  return {
    listings: createRemoteListings({
      clientOf,
      now,
      freshnessSeconds,
      onReceived: countReceived,
      stored: createStoredListings(metadata, events),
      waits,
    }),
    search: createRemoteSearch({ ...options, upstreams: network.upstreams }),
    visibility: createUpstreamVisibility({
      metadata,
      view,
      now,
      believedSeconds: options.publicCheckSeconds,
      // Not the wait for cached tags: an answer that is believed too long shows private content.
      waits: createUpstreamWaits(timeouts.connectSeconds),
      events,
    }),
    passThrough: createPassThrough({ metadata, clientOf: anonymousClientOf, now }),
  };
}
