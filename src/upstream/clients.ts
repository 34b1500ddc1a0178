import { type OpenCircuits, createCircuits } from './circuits.ts';
import { createCredentials } from './credentials.ts';
import type { RateLimits } from './rate-limit.ts';
import { createTokens } from './tokens.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import { type ConnectionState, type ProxySettings, type Timeouts, createTransport } from './transport.ts';
import { type Upstream, type Upstreams, loginKeyOf } from './upstream.ts';
import { type PassingClient, type UpstreamClient, createUpstreamClient } from './upstream-client.ts';

export interface ClientsOptions {
  /** The upstreams whose state is reported. */
  readonly upstreams: Pick<Upstreams, 'all'>;
  readonly timeouts: Timeouts;
  readonly proxy: ProxySettings;
  readonly limits: RateLimits;
  readonly now: () => number;
  /** Called with whether the upstream accepts a login. `key`: its place in the configuration. */
  readonly onLogin: (upstream: string, key: string, isAccepted: boolean) => void;
  /** Called when a download got its connection to the upstream, or gave up, after so many milliseconds. */
  readonly onWaited: (upstream: string, milliseconds: number) => void;
  /** Undefined: requests have no spans, and pass no trace on. */
  readonly tracer?: Tracer | undefined;
}

/** A client for each upstream. */
export interface Clients {
  get(upstream: Upstream): UpstreamClient;
  /** The same without any login; its failures and its limits are its own. */
  anonymous(upstream: Upstream): UpstreamClient & PassingClient;
  /** Connections for downloads, of each upstream. */
  connections(): readonly (ConnectionState & { readonly upstream: string })[];
  /** Open circuit breakers, of each upstream: those for manifests and those for blobs together. */
  circuits(): readonly (OpenCircuits & { readonly upstream: string })[];
  /** Closes the connections of upstreams that are no longer in the list, once no request uses them. */
  closeUnused(): void;
  close(): void;
}

interface Entry {
  readonly client: UpstreamClient;
  readonly anonymous: UpstreamClient & PassingClient;
  connections(): ConnectionState;
  circuits(): OpenCircuits;
  isIdle(): boolean;
  close(): void;
}

export function createClients(options: ClientsOptions): Clients {
  const { upstreams } = options;
  const entries = new Map<Upstream, Entry>();

  /** Also of an upstream that was removed from the list: a request in progress may need it again. */
  function entryOf(upstream: Upstream): Entry {
    const known = entries.get(upstream);
    if (known) return known;
    const entry = createEntry(upstream, options);
    entries.set(upstream, entry);
    return entry;
  }

  return {
    get: (upstream) => entryOf(upstream).client,
    anonymous: (upstream) => entryOf(upstream).anonymous,
    connections: () => upstreams.all.map((upstream) => ({ upstream: upstream.name, ...entryOf(upstream).connections() })),
    circuits: () => upstreams.all.map((upstream) => ({ upstream: upstream.name, ...entryOf(upstream).circuits() })),
    closeUnused() {
      for (const [upstream, entry] of entries) {
        if (upstreams.all.includes(upstream) || !entry.isIdle()) continue;
        entry.close();
        entries.delete(upstream);
      }
    },
    close() {
      for (const entry of entries.values()) entry.close();
    },
  };
}

function createEntry(upstream: Upstream, options: ClientsOptions): Entry {
  const { timeouts, proxy, limits, now, onLogin, tracer } = options;
  const onWaited = (milliseconds: number) => options.onWaited(upstream.name, milliseconds);
  const transport = createTransport({ ...upstream, timeouts, proxy, onWaited, tracer });
  const settings = { now, random: Math.random };
  const [forManifests, forBlobs, forAnonymous] = [createCircuits(settings), createCircuits(settings), createCircuits(settings)];
  const shared = { upstream, transport, tokens: createTokens(now), now, proxy, headersSeconds: timeouts.headersSeconds };
  const client = createUpstreamClient({
    ...shared,
    circuitsFor: (path) => (path.startsWith('blobs/') ? forBlobs : forManifests),
    credentials: createCredentials(upstream.logins, upstream.url.host, now),
    observe: (headers, remoteName) => limits.observe(upstream.name, loginKeyOf(upstream, remoteName), headers),
    onLogin: (key, isAccepted) => onLogin(upstream.name, key, isAccepted),
  });
  const anonymous = createUpstreamClient({
    ...shared,
    circuitsFor: () => forAnonymous,
    credentials: () => Promise.resolve(undefined),
    observe: () => undefined,
    onLogin: () => undefined,
  });
  return {
    client,
    anonymous,
    connections: () => transport.state(),
    circuits: () => sumOf(forManifests.open(), forBlobs.open()),
    isIdle: () => transport.isIdle(),
    close: () => transport.close(),
  };
}

function sumOf(one: OpenCircuits, other: OpenCircuits): OpenCircuits {
  return {
    host: one.host + other.host,
    logins: one.logins + other.logins,
    repositories: one.repositories + other.repositories,
  };
}
