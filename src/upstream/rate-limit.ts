import type { IncomingHttpHeaders } from 'node:http';
import { isBefore } from '../coordination/recent.ts';

/** How much may still be pulled from an upstream, from its headers `ratelimit-*` (Docker Hub sends them). */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
}

/** The limits of each login of each upstream. `login`: key of its place in the configuration; undefined: no login. */
export interface RateLimits {
  /** Records the limit in a response's headers. Responses to accounts without a limit have no such headers. */
  observe(upstream: string, login: string | undefined, headers: IncomingHttpHeaders): void;
  /** Returns the limit of the upstream's login with the smallest part left; undefined if none has a limit now. */
  scarcest(upstream: string): RateLimit | undefined;
  /** True if so little is left that only content for waiting clients should be pulled. */
  isScarce(upstream: string, login: string | undefined): boolean;
}

/** Part of the limit that is kept for clients. */
const reserve = 0.2;

export function createRateLimits(now: () => number): RateLimits {
  const upstreams = new Map<string, Map<string, TimedLimit>>();

  const current = (entry: TimedLimit | undefined) =>
    entry && isBefore(entry.until, entry.windowMilliseconds, now()) ? entry : undefined;

  return {
    observe(upstream, login = '', headers) {
      const limit = parse(headers['ratelimit-limit']);
      const remaining = parse(headers['ratelimit-remaining']);
      if (!limit || !remaining) return;
      const logins = upstreams.get(upstream) ?? new Map<string, TimedLimit>();
      upstreams.set(upstream, logins);
      const windowMilliseconds = (remaining.windowSeconds ?? 3600) * 1000;
      const until = now() + windowMilliseconds;
      logins.set(login, { limit: limit.count, remaining: remaining.count, until, windowMilliseconds });
    },
    scarcest(upstream) {
      const limits = [...(upstreams.get(upstream)?.values() ?? [])].filter((entry) => current(entry));
      return limits.sort((one, other) => partLeft(one) - partLeft(other))[0];
    },
    isScarce(upstream, login = '') {
      const entry = current(upstreams.get(upstream)?.get(login));
      return entry !== undefined && entry.remaining < entry.limit * reserve;
    },
  };
}

/** `until`: when the upstream counts anew, in milliseconds since 1970. */
type TimedLimit = RateLimit & { readonly until: number; readonly windowMilliseconds: number };

function partLeft({ limit, remaining }: RateLimit): number {
  return limit === 0 ? 0 : remaining / limit;
}

/** `100;w=21600`: so many in so many seconds. */
function parse(header: string | readonly string[] | undefined): { count: number; windowSeconds: number | undefined } | undefined {
  const match = typeof header === 'string' ? /^(\d{1,12})(?:;w=(\d{1,9}))?/.exec(header) : undefined;
  if (!match) return undefined;
  return { count: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) };
}
