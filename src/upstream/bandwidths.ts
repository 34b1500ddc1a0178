import { type Bandwidth, limitTo, unlimited } from '../coordination/bandwidth.ts';
import type { Upstream } from './upstream.ts';

/** Creates the limits for all downloads from each upstream together. */
export function createBandwidths(upstreams: readonly Upstream[]): (upstream: Upstream) => Bandwidth {
  const all = new Map(upstreams.map((upstream) => [upstream, limitTo(upstream.bytesPerSecond)]));
  return (upstream) => all.get(upstream) ?? unlimited;
}
