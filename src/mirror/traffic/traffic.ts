import type { HourOfUpstream, Traffic } from '../../../storage/metadata/queries/mirror/traffic.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** A request to a mirrored repository whose response has ended. */
export interface MirroredRequest {
  readonly upstream?: string | undefined;
  /** Undefined for an error. */
  readonly cache?: string | undefined;
  readonly status: number;
  readonly bodyBytesSent: number;
}

/** Counts what the mirror does by upstream and hour, for all processes together. A crash loses the last ten seconds. */
export interface TrafficCounter {
  request(request: MirroredRequest): void;
  /** Bytes of a blob arrived. */
  received(upstream: string, bytes: number): void;
  /** Adds what was counted to the metadata store, and deletes what is older than 90 days. */
  flush(): Promise<void>;
}

export const hourMs = 3_600_000;
const keptMs = 90 * 24 * hourMs;

type Sums = { -readonly [Name in keyof HourOfUpstream]: HourOfUpstream[Name] };

export function createTrafficCounter({ mirrorTraffic }: Pick<MetadataStore, 'mirrorTraffic'>, now: () => number): TrafficCounter {
  let counted = new Map<string, Sums>();
  let prunedAt = 0;

  function sumsOf(upstream: string): Sums {
    const hour = now() - (now() % hourMs);
    const key = `${hour} ${upstream}`;
    const known = counted.get(key);
    if (known) return known;
    const sums = { upstream, hour, requests: 0, hits: 0, failures: 0, servedBytes: 0, fetchedBytes: 0, savedBytes: 0 };
    counted.set(key, sums);
    return sums;
  }

  function restore(sums: Sums): void {
    const key = `${sums.hour} ${sums.upstream}`;
    const newer = counted.get(key);
    counted.set(key, newer ? { ...sums, ...addTraffic(sums, newer) } : sums);
  }

  return {
    request({ upstream, cache, status, bodyBytesSent }) {
      if (upstream === undefined) return;
      const sums = sumsOf(upstream);
      sums.requests += 1;
      if (status >= 400) sums.failures += 1;
      else if (cache !== undefined) {
        sums.servedBytes += bodyBytesSent;
        if (cache !== 'MISS') sums.hits += 1;
        if (cache !== 'MISS' && status < 300) sums.savedBytes += bodyBytesSent;
      }
    },
    received(upstream, bytes) {
      sumsOf(upstream).fetchedBytes += bytes;
    },
    async flush() {
      const flushed = [...counted.values()];
      counted = new Map();
      try {
        if (flushed.length > 0) await mirrorTraffic.add(flushed);
      } catch (error) {
        // They are counted at the next turn.
        flushed.forEach(restore);
        throw error;
      }
      if (now() - prunedAt < hourMs) return;
      prunedAt = now();
      await mirrorTraffic.prune(now() - keptMs, now() - hourMs);
    },
  };
}

/** Returns the sums of both. */
export function addTraffic(one: Traffic, other: Traffic): Traffic {
  return {
    requests: one.requests + other.requests,
    hits: one.hits + other.hits,
    failures: one.failures + other.failures,
    servedBytes: one.servedBytes + other.servedBytes,
    fetchedBytes: one.fetchedBytes + other.fetchedBytes,
    savedBytes: one.savedBytes + other.savedBytes,
  };
}
