import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** How long a process may go on with rights that another has changed. */
const freshMilliseconds = 1000;

/** Values that hold until somebody's rights change, anywhere. */
export interface RightsVersion {
  /** What `load` gives, loaded at most once for each state of the rights, a second old at most. Failures are not kept. */
  cached<Value>(cache: Map<string, Promise<Value>>, key: string, load: () => Promise<Value>): Promise<Value>;
  /** Forget everything at the next question: this process has changed something, or met something that it does not know. */
  invalidate(): void;
  /** A cache that is emptied when rights change. */
  cache<Value>(): Map<string, Promise<Value>>;
}

/** A bound on what is kept in each cache. Beyond it the cache begins anew. */
const maxEntries = 50_000;

/** One lookup a second tells whether anything has changed; everything else is then still good. */
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
