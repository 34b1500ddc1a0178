import type { IncomingHttpHeaders } from 'node:http';

/** What an upstream has said of how much may still be pulled (`ratelimit-*`, Docker Hub's). */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
}

export interface RateLimits {
  /** Takes note of a response's headers. Those of an account without a limit say nothing. */
  observe(upstream: string, headers: IncomingHttpHeaders): void;
  of(upstream: string): RateLimit | undefined;
  /** So little is left that only what clients ask for should be pulled. */
  isScarce(upstream: string): boolean;
}

/** Part of the limit that is kept for clients. */
const reserve = 0.2;

export function createRateLimits(now: () => number): RateLimits {
  const known = new Map<string, RateLimit & { readonly until: number }>();

  function of(upstream: string): RateLimit | undefined {
    const entry = known.get(upstream);
    return entry && entry.until > now() ? entry : undefined;
  }

  return {
    of,
    observe(upstream, headers) {
      const limit = parse(headers['ratelimit-limit']);
      const remaining = parse(headers['ratelimit-remaining']);
      if (!limit || !remaining) return;
      known.set(upstream, {
        limit: limit.count,
        remaining: remaining.count,
        until: now() + (remaining.windowSeconds ?? 3600) * 1000,
      });
    },
    isScarce(upstream) {
      const entry = of(upstream);
      return entry !== undefined && entry.remaining < entry.limit * reserve;
    },
  };
}

/** `100;w=21600`: so many in so many seconds. */
function parse(header: string | readonly string[] | undefined): { count: number; windowSeconds: number | undefined } | undefined {
  const match = typeof header === 'string' ? /^(\d{1,12})(?:;w=(\d{1,9}))?/.exec(header) : undefined;
  if (!match) return undefined;
  return { count: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) };
}
