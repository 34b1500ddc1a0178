import { LRUCache } from 'lru-cache';

/**
 * Creates a cache of at most `maxEntries`, which drops the least recently used first. Its memory grows with its entries;
 * the library's own `max` allocates the lists of a full cache at once, some megabytes over all caches.
 */
export function createLru<Value extends object | number>(maxEntries: number): LRUCache<string, Value> {
  return new LRUCache<string, Value>({ maxSize: maxEntries, sizeCalculation: () => 1 });
}
