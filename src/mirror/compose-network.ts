import type { MirrorEvents } from './events/mirror-events.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { MirrorState } from '../observability/mirror-metrics.ts';
import type { MirroredRepository } from './names/routing.ts';
import { type UpstreamWaits, createUpstreamWaits } from './remote/upstream-waits.ts';
import { createBandwidths } from '../upstream/bandwidths.ts';
import { createClients } from '../upstream/clients.ts';
import { createConnectionWaits } from './events/connection-waits.ts';
import { createLoginStates } from './events/login-states.ts';
import { OciError } from '../oci/errors.ts';
import { probeUpstream } from '../upstream/probe.ts';
import { createRateLimits } from '../upstream/rate-limit.ts';
import { type Upstream, type Upstreams, createUpstreams, loginKeyOf } from '../upstream/upstream.ts';
import type { PassingClient, UpstreamClient } from '../upstream/upstream-client.ts';

/** Access to the upstreams, with their limits. */
export interface Network {
  readonly upstreams: Upstreams;
  readonly waits: UpstreamWaits;
  clientOf(source: MirroredRepository): UpstreamClient;
  /** Returns the client that uses no login. */
  anonymousClientOf(source: MirroredRepository): UpstreamClient & PassingClient;
  /** True if the login that reads the repository may pull little more. */
  isScarce(source: MirroredRepository): boolean;
  /** Counts bytes of a manifest or a listing against the bandwidth: they never wait for it. */
  countReceived(source: MirroredRepository, bytes: number): void;
  /** Counts bytes of a blob against the bandwidth; resolves when more may be read. Rejects when `signal` is aborted. */
  spend(source: MirroredRepository, bytes: number, signal: AbortSignal): Promise<void>;
  /** Sends one small request with the login for the whole upstream. Rejects `UpstreamError`; NAME_UNKNOWN for other names. */
  probe(upstream: string): Promise<void>;
  /** Replaces the upstreams; see `Mirror`. */
  replace(next: readonly Upstream[]): void;
  /** Closes connections to upstreams that were replaced, once no request uses them. */
  closeUnused(): void;
  state(): Pick<MirrorState, 'limits' | 'refusedLogins' | 'connections' | 'circuits'>;
  close(): void;
}

export function composeNetwork(options: MirrorOptions, events: MirrorEvents): Network {
  const { now } = options;
  const upstreams = createUpstreams(options.upstreams);
  const limits = createRateLimits(now);
  const logins = createLoginStates(events);
  const connectionWaits = createConnectionWaits({ now, events });
  const clients = createClients({ ...options, upstreams, limits, onLogin: logins.note, onWaited: connectionWaits.note });
  const bandwidthOf = createBandwidths();
  return {
    upstreams,
    waits: createUpstreamWaits(options.revalidateWaitSeconds),
    clientOf: ({ upstream }) => clients.get(upstream),
    anonymousClientOf: ({ upstream }) => clients.anonymous(upstream),
    isScarce: ({ upstream, remoteName }) => limits.isScarce(upstream.name, loginKeyOf(upstream, remoteName)),
    countReceived: ({ upstream }, bytes) => bandwidthOf(upstream).count(bytes),
    spend: ({ upstream }, bytes, signal) => bandwidthOf(upstream).spend(bytes, signal),
    async probe(name) {
      const upstream = upstreams.find(name);
      if (!upstream) throw new OciError('NAME_UNKNOWN');
      await probeUpstream(clients.get(upstream), upstream);
    },
    replace(next) {
      // Otherwise a login that a changed upstream no longer has would count as refused until a restart.
      for (const former of upstreams.all) if (!next.includes(former)) logins.forget(former.name);
      upstreams.replace(next);
      clients.closeUnused();
    },
    closeUnused: clients.closeUnused,
    state: () => ({
      limits: upstreams.all.flatMap(({ name }) => {
        const limit = limits.scarcest(name);
        return limit ? [{ upstream: name, limit: limit.limit, remaining: limit.remaining }] : [];
      }),
      refusedLogins: logins.refused().filter(({ upstream }) => upstreams.all.some(({ name }) => name === upstream)),
      connections: clients.connections(),
      circuits: clients.circuits(),
    }),
    close: () => clients.close(),
  };
}
