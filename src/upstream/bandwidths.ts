import { type Bandwidth, limitTo } from '../coordination/bandwidth.ts';
import type { Upstream } from './upstream.ts';

/** Creates the limits for all downloads from each upstream together. */
export function createBandwidths(): (upstream: Upstream) => Bandwidth {
  const all = new WeakMap<Upstream, Bandwidth>();
  return (upstream) => {
    const known = all.get(upstream);
    if (known) return known;
    const bandwidth = limitTo(upstream.bytesPerSecond);
    all.set(upstream, bandwidth);
    return bandwidth;
  };
}
