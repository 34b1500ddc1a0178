import { createCachePolicy } from '../../src/mirror/cache/cache-policy.ts';

/** One request for a blob. */
export interface Pull {
  readonly name: string;
  readonly sizeBytes: number;
}

interface Kept extends Pull {
  usedAt: number;
  isProtected: boolean;
}

/** The mirror's cache without disk and without time, as the policy decides: see `src/mirror/cache/eviction.ts`. */
export function createCacheModel(maxBytes: number) {
  const policy = createCachePolicy(maxBytes);
  const kept = new Map<string, Kept>();
  const refused = new Set<string>();
  let time = 0;

  const sum = (some: Iterable<Kept>) => [...some].reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  let contentBytes = 0;
  let protectedBytes = 0;

  function remove(victim: Kept): void {
    kept.delete(victim.name);
    contentBytes -= victim.sizeBytes;
    if (victim.isProtected) protectedBytes -= victim.sizeBytes;
  }

  /** `kept` is in order of use. */
  function oldest(isProtected: boolean): Kept | undefined {
    for (const one of kept.values()) if (one.isProtected === isProtected) return one;
    return undefined;
  }

  function evict(demand: { sizeBytes: number; hugeBytes: number }): void {
    const size = () => ({ contentBytes, protectedBytes, transitBytes: 0 });
    if (!policy.isTooMuch(size(), demand)) return;
    while (!policy.isEnough(size(), demand)) {
      const [victim] = policy.victims(size(), demand).flatMap((segment) => oldest(segment === 'protected') ?? []);
      if (!victim) return;
      remove(victim);
    }
  }

  function admit({ name, sizeBytes }: Pull): void {
    if (sizeBytes > policy.maxBlobBytes) return;
    const isHuge = policy.isHuge(sizeBytes);
    const crowdsOut = policy.crowdsOut({ contentBytes, protectedBytes, transitBytes: 0 }, sizeBytes);
    if (isHuge && crowdsOut && !refused.has(name)) {
      refused.add(name);
      return;
    }
    if (contentBytes + sizeBytes > policy.maxBlobBytes) evict({ sizeBytes, hugeBytes: isHuge ? sizeBytes : 0 });
    if (contentBytes + sizeBytes > policy.maxBlobBytes) return;
    kept.set(name, { name, sizeBytes, usedAt: time, isProtected: false });
    contentBytes += sizeBytes;
    evict({ sizeBytes: 0, hugeBytes: 0 });
  }

  return {
    /** Says whether it was there. */
    pull(pull: Pull): boolean {
      time++;
      const found = kept.get(pull.name);
      if (!found) {
        admit(pull);
        return false;
      }
      if (!found.isProtected) protectedBytes += found.sizeBytes;
      kept.delete(found.name);
      kept.set(found.name, { ...found, isProtected: true, usedAt: time });
      return true;
    },
    has: (name: string) => kept.has(name),
    get contentBytes() {
      return sum(kept.values());
    },
    get protectedBytes() {
      return sum([...kept.values()].filter(({ isProtected }) => isProtected));
    },
  };
}

/** The usual policy: evicts the least recently used. */
export function createPlainModel(maxBytes: number) {
  const kept = new Map<string, number>();
  let bytes = 0;
  return {
    pull({ name, sizeBytes }: Pull): boolean {
      const isThere = kept.delete(name);
      kept.set(name, sizeBytes);
      if (!isThere) bytes += sizeBytes;
      if (bytes <= maxBytes * 0.9) return isThere;
      for (const [oldest, oldestBytes] of kept) {
        if (bytes <= maxBytes * 0.8) break;
        kept.delete(oldest);
        bytes -= oldestBytes;
      }
      return isThere;
    },
  };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A farm's pulls: 800 layers by Zipf's law, with `onceUsed` of all pulls for layers that are never pulled again (builds, a
 * crawler), in bursts of 200; a few layers are as large as a fifth of 4 GiB.
 */
export function* farmTrace(pulls: number, onceUsed: number, seed: number): Generator<Pull> {
  const MiB = 1024 * 1024;
  const random = createRandom(seed);
  const sizeOf = (rank: number) => (rank % 97 === 96 ? 800 : 1 + ((rank * 37) % 60)) * MiB;
  const weights = Array.from({ length: 800 }, (_, rank) => 1 / (rank + 1) ** 0.9);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let once = 0;
  for (let count = 0; count < pulls; count++) {
    const isBurst = count % Math.round(200 / onceUsed) < 200;
    if (isBurst) yield { name: `once-${once}`, sizeBytes: sizeOf(once++) };
    else {
      let left = random() * total;
      const rank = weights.findIndex((weight) => (left -= weight) < 0);
      yield { name: `layer-${rank}`, sizeBytes: sizeOf(rank) };
    }
  }
}
