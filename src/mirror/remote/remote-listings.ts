import { LRUCache } from 'lru-cache';
import type { Digest } from '../../oci/digest.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { CacheStatus, LookupResult } from './lookup-result.ts';
import { isServedStale } from './stale-errors.ts';
import type { ListingAnswer, StoredListings } from './stored-listings.ts';
import type { UpstreamWaits } from './upstream-waits.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';
import { readWhole } from '../../upstream/transport.ts';
import type { UpstreamClient } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import { isRecent } from '../../coordination/recent.ts';

/** One page of a listing as the upstream gave it. */
export interface RemotePage<Item> extends LookupResult {
  readonly items: readonly Item[];
  /** The query of the next page, where there is one. */
  readonly next: URLSearchParams | undefined;
}

/** Listings of upstreams: cached for a while, and longer while the upstream cannot be asked. */
export interface RemoteListings {
  /** Rejects with `UpstreamError`. */
  tags(source: MirroredRepository, query: URLSearchParams): Promise<RemotePage<string>>;
  /** Descriptors as the upstream wrote them; none where it knows no referrers. Rejects with `UpstreamError`. */
  referrers(source: MirroredRepository, subject: Digest, query: URLSearchParams): Promise<RemotePage<RemoteReferrer>>;
}

export interface RemoteReferrer {
  readonly digest: string;
  readonly [field: string]: unknown;
}

export interface RemoteListingsOptions {
  readonly clientOf: (source: MirroredRepository) => UpstreamClient;
  readonly now: () => number;
  readonly freshnessSeconds: number;
  readonly onReceived: (source: MirroredRepository, bytes: number) => void;
  /** Where answers are stored beyond the memory of this process; undefined: nowhere. */
  readonly stored?: StoredListings;
  /** Bounds how long clients wait while there is an older answer; undefined: they wait. */
  readonly waits?: UpstreamWaits;
}

const largestBytes = 16 * 1024 * 1024;
const cachedBytes = 64 * 1024 * 1024;
/** Memory of a parsed listing, as a multiple of its JSON text. */
const parsedFactor = 3;
/** Further memory of each cached listing: the cache's own lists and the answer's objects. */
const entryBytes = 512;

export function createRemoteListings(options: RemoteListingsOptions): RemoteListings {
  const { clientOf, now, freshnessSeconds, onReceived, stored, waits } = options;
  const cached = new LRUCache<string, ListingAnswer>({
    maxSize: cachedBytes,
    sizeCalculation: ({ sizeBytes }, key) => key.length + sizeBytes * parsedFactor + entryBytes,
  });
  const flights = createSingleFlight<ListingAnswer>();

  async function ask(source: MirroredRepository, path: string): Promise<ListingAnswer> {
    const { remoteName } = source;
    const response = await clientOf(source).request({ method: 'GET', remoteName, path });
    const bytes = await readWhole(response, largestBytes);
    onReceived(source, bytes.length);
    const link = response.headers['link'];
    const next = nextQuery(typeof link === 'string' ? link : undefined);
    return { document: parse(bytes), next, sizeBytes: bytes.length, at: now() };
  }

  /** One request at the upstream for all clients. */
  function fetch(source: MirroredRepository, path: string, key: string): Promise<ListingAnswer> {
    return flights.run(key, async () => {
      const fresh = await ask(source, path);
      cached.set(key, fresh);
      await stored?.keep(source.repository, path, fresh);
      return fresh;
    });
  }

  async function answer(source: MirroredRepository, path: string): Promise<{ answer: ListingAnswer; cache: CacheStatus }> {
    const key = `${source.repository} ${path}`;
    const isFresh = (one: ListingAnswer) => isRecent(one.at, freshnessSeconds * 1000, now());
    let old = cached.get(key);
    // Another process may have fetched it since, or this one before it was restarted.
    if (!old || !isFresh(old)) old = (await stored?.find(source.repository, path)) ?? old;
    if (old && isFresh(old)) return { answer: old, cache: 'HIT' };
    const fetching = fetch(source, path, key);
    if (!old) return { answer: await fetching, cache: 'MISS' };
    try {
      const fresh = await (waits ? waits.within(source.upstream.name, fetching) : fetching);
      return fresh ? { answer: fresh, cache: 'MISS' } : { answer: old, cache: 'STALE' };
    } catch (error) {
      if (error instanceof UpstreamError && isServedStale(error, source)) return { answer: old, cache: 'STALE' };
      throw error;
    }
  }

  async function page<Item>(
    source: MirroredRepository,
    path: string,
    field: string,
    isItem: (item: unknown) => item is Item,
  ): Promise<RemotePage<Item>> {
    const { answer: found, cache } = await answer(source, path);
    const list = (found.document as Readonly<Record<string, unknown>> | null)?.[field] ?? [];
    if (!Array.isArray(list)) throw new UpstreamError('bad_content', 'the upstream sent no listing');
    return { items: list.filter(isItem), next: found.next, cache, ageSeconds: Math.floor((now() - found.at) / 1000) };
  }

  return {
    tags: (source, query) => page(source, `tags/list${asked(query, 'n', 'last')}`, 'tags', (tag) => typeof tag === 'string'),
    async referrers(source, subject, query) {
      try {
        const path = `referrers/${subject}${asked(query, 'n', 'last', 'artifactType')}`;
        return await page(source, path, 'manifests', isReferrer);
      } catch (error) {
        if (!(error instanceof UpstreamError && error.code === 'not_found')) throw error;
        return { items: [], next: undefined, cache: 'MISS' };
      }
    },
  };
}

function isReferrer(item: unknown): item is RemoteReferrer {
  return typeof (item as RemoteReferrer | null)?.digest === 'string';
}

/** The parameters that a listing has, and nothing else that a client may have sent. */
function asked(query: URLSearchParams, ...names: readonly string[]): string {
  const passed = new URLSearchParams([...query].filter(([name]) => names.includes(name)));
  return passed.size === 0 ? '' : `?${passed.toString()}`;
}

/** The query of `Link: <…?n=…&last=…>; rel="next"`: where it leads is our own affair. */
function nextQuery(link: string | undefined): URLSearchParams | undefined {
  const match = /<([^>]*)>\s*;[^,]*rel="?next"?/i.exec(link ?? '');
  const target = match && URL.parse(match[1] ?? '', 'http://upstream.invalid');
  return target?.searchParams;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch (error) {
    throw new UpstreamError('bad_content', 'the upstream sent no JSON', { cause: error });
  }
}
