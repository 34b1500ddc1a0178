import { LRUCache } from 'lru-cache';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import { type Breaker, createBreaker } from '../../upstream/breaker.ts';
import { withTimeout } from '../../coordination/timeout.ts';
import { type ProxySettings, type Transport, createTransport, discard, readWhole } from '../../upstream/transport.ts';
import { type Upstream, type Upstreams, namespaceOf, remoteNameOf } from '../../upstream/upstream.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** The search of upstreams: `/v1/search`, which `docker search` uses at Docker Hub. */
export interface RemoteSearch {
  /** Returns the results in the order of each upstream. Upstreams that fail or take too long are left out: never rejects. */
  find(term: string): Promise<readonly RemoteRepository[]>;
  close(): void;
}

export interface RemoteRepository {
  /** Here: `docker.io/library/alpine`. */
  readonly name: RepositoryName;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
}

export interface RemoteSearchOptions {
  readonly upstreams: Pick<Upstreams, 'all'>;
  readonly proxy: ProxySettings;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The longest wait of a client; a later answer is kept for the next one. */
const maxWaitSeconds = 1;
const timeouts = { connectSeconds: 5, headersSeconds: 10, idleSeconds: 10 };
const connections = 4;
const keepMilliseconds = 600_000;
const maxTerms = 1000;
const maxResults = 100;
const largestBytes = 1024 * 1024;

export function createRemoteSearch({ upstreams, proxy, now }: RemoteSearchOptions): RemoteSearch {
  let places = new Map<Upstream, Place>();

  function open(upstream: Upstream, searchUrl: URL): Place {
    const transport = createTransport({ timeouts, connections, ca: upstream.ca, proxy });
    const breaker = createBreaker({ now, random: Math.random });
    return { find: createPlace(upstream, searchUrl, { transport, breaker, now }), close: transport.close };
  }

  /** Returns the places of the present upstreams, and closes those of others. */
  function current(): ReadonlyMap<Upstream, Place> {
    const former = places;
    places = new Map(
      upstreams.all.flatMap((upstream) =>
        upstream.searchUrl ? [[upstream, former.get(upstream) ?? open(upstream, upstream.searchUrl)]] : [],
      ),
    );
    for (const [upstream, place] of former) if (!places.has(upstream)) place.close();
    return places;
  }

  return {
    async find(term) {
      const found = await Promise.all([...current().values()].map(({ find }) => withTimeout(find(term), maxWaitSeconds)));
      return found.flatMap((some) => some ?? []);
    },
    close() {
      for (const place of places.values()) place.close();
    },
  };
}

/** The search of one upstream. */
interface Place {
  readonly find: (term: string) => Promise<Found>;
  readonly close: () => void;
}

interface PlaceParts {
  readonly transport: Transport;
  readonly breaker: Breaker;
  readonly now: () => number;
}

type Found = readonly RemoteRepository[];

/** Makes the search of one upstream: one request for all clients with the same term, and an answer that is kept for a while. */
function createPlace(upstream: Upstream, searchUrl: URL, { transport, breaker, now }: PlaceParts) {
  const answers = new LRUCache<string, Found>({
    max: maxTerms,
    ttl: keepMilliseconds,
    ttlResolution: 0,
    perf: { now },
    fetchMethod: (term) => breaker.guard(() => ask(term)),
    allowStaleOnFetchRejection: true,
  });

  async function ask(term: string): Promise<Found> {
    const url = new URL(`${searchUrl.pathname.replace(/\/$/, '')}/v1/search`, searchUrl);
    url.search = new URLSearchParams({ q: term, n: String(maxResults) }).toString();
    const response = await transport.send({ method: 'GET', url, headers: { 'User-Agent': 'berth' }, rule: 'any' });
    if (response.statusCode !== 200) {
      discard(response);
      throw new UpstreamError('failed', `the search answered ${response.statusCode}`);
    }
    return parse(upstream, await readWhole(response, largestBytes));
  }

  return (term: string): Promise<Found> => answers.forceFetch(term).catch(() => []);
}

/** Parses results; those without a valid name are left out. Throws `bad_content`. */
function parse(upstream: Upstream, bytes: Buffer): Found {
  let document: { readonly results?: unknown } | null;
  try {
    document = JSON.parse(bytes.toString()) as typeof document;
  } catch (error) {
    throw new UpstreamError('bad_content', 'the search sent no JSON', { cause: error });
  }
  const results: readonly unknown[] = Array.isArray(document?.results) ? document.results : [];
  return results.flatMap((result) => toRepository(upstream, result) ?? []);
}

function toRepository(upstream: Upstream, result: unknown): RemoteRepository | undefined {
  const fields = (result ?? {}) as Readonly<Record<string, unknown>>;
  const { name: remoteName, description, star_count: stars, is_official: isOfficial } = fields;
  if (typeof remoteName !== 'string') return undefined;
  const name = parseRepositoryName(`${namespaceOf(upstream)}/${remoteNameOf(upstream, remoteName)}`);
  return (
    name && {
      name,
      description: typeof description === 'string' ? description : '',
      stars: typeof stars === 'number' ? stars : 0,
      isOfficial: isOfficial === true,
    }
  );
}
