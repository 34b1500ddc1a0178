import { type OpenCircuits, createCircuits } from './circuits.ts';
import { createCredentials } from './credentials.ts';
import type { RateLimits } from './rate-limit.ts';
import { type Tokens, createTokens } from './tokens.ts';
import { type ConnectionState, type ProxySettings, type Timeouts, createTransport } from './transport.ts';
import { type Upstream, loginKeyOf } from './upstream.ts';
import { type PassingClient, type UpstreamClient, createUpstreamClient } from './upstream-client.ts';

export interface ClientsOptions {
  readonly upstreams: readonly Upstream[];
  readonly timeouts: Timeouts;
  readonly proxy: ProxySettings;
  readonly limits: RateLimits;
  readonly now: () => number;
  /** Called with whether the upstream accepts a login. `key`: its place in the configuration. */
  readonly onLogin: (upstream: string, key: string, isAccepted: boolean) => void;
  /** Called when a download got its connection to the upstream, or gave up, after so many milliseconds. */
  readonly onWaited: (upstream: string, milliseconds: number) => void;
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
  close(): void;
}

interface Entry {
  readonly client: UpstreamClient;
  readonly anonymous: UpstreamClient & PassingClient;
  connections(): ConnectionState;
  circuits(): OpenCircuits;
  close(): void;
}

export function createClients(options: ClientsOptions): Clients {
  const tokens = createTokens(options.now);
  const entries = new Map(options.upstreams.map((upstream) => [upstream, createEntry(upstream, tokens, options)]));

  function entryOf(upstream: Upstream): Entry {
    const entry = entries.get(upstream);
    if (!entry) throw new Error(`${upstream.name} has no client`);
    return entry;
  }

  return {
    get: (upstream) => entryOf(upstream).client,
    anonymous: (upstream) => entryOf(upstream).anonymous,
    connections: () => [...entries].map(([{ name }, entry]) => ({ upstream: name, ...entry.connections() })),
    circuits: () => [...entries].map(([{ name }, entry]) => ({ upstream: name, ...entry.circuits() })),
    close() {
      for (const entry of entries.values()) entry.close();
    },
  };
}

function createEntry(upstream: Upstream, tokens: Tokens, options: ClientsOptions): Entry {
  const { timeouts, proxy, limits, now, onLogin } = options;
  const onWaited = (milliseconds: number) => options.onWaited(upstream.name, milliseconds);
  const transport = createTransport({ ...upstream, timeouts, proxy, onWaited });
  const settings = { now, random: Math.random };
  const [forManifests, forBlobs, forAnonymous] = [createCircuits(settings), createCircuits(settings), createCircuits(settings)];
  const shared = { upstream, transport, tokens, now, proxy, headersSeconds: timeouts.headersSeconds };
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
