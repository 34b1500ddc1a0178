import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** Longest time for which a process uses permissions that another process has changed. */
const freshMilliseconds = 1000;

/** Caches values until any permissions change, in any process. */
export interface RightsVersion {
  /** Returns the value of `load`, loaded once per version of the permissions and at most 1 s stale. Failures are not cached. */
  cached<Value>(cache: Map<string, Promise<Value>>, key: string, load: () => Promise<Value>): Promise<Value>;
  /** Checks the version at the next lookup: this process changed permissions, or met an unknown id. */
  invalidate(): void;
  /** Creates a cache that is emptied when permissions change. */
  cache<Value>(): Map<string, Promise<Value>>;
}

/** Bound of each cache; a full one is emptied. */
const maxEntries = 50_000;

/** Reads the version at most once a second; while it is the same, all cached values stay valid. */
export function createRightsVersion(metadata: MetadataStore, now: () => number): RightsVersion {
  const caches: Map<string, Promise<unknown>>[] = [];
  let rightsVersion = -1;
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const startedAt = now();
    try {
      const found = await metadata.grants.rightsVersion();
      if (found !== rightsVersion) for (const cache of caches) cache.clear();
      rightsVersion = found;
      readAt = startedAt;
    } finally {
      reading = undefined;
    }
  }

  return {
    async cached(cache, key, load) {
      const age = now() - readAt;
      if (age < 0 || age >= freshMilliseconds) await (reading ??= read());
      const known = cache.get(key);
      if (known) return known;
      if (cache.size >= maxEntries) cache.clear();
      const value = load();
      cache.set(key, value);
      value.catch(() => cache.get(key) === value && cache.delete(key));
      return value;
    },
    invalidate() {
      readAt = -Infinity;
    },
    cache<Value>() {
      const cache = new Map<string, Promise<Value>>();
      caches.push(cache);
      return cache;
    },
  };
}
