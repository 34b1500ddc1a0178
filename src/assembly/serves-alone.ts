import type { Config } from '../../config/schema.ts';

/** True if no other process serves from the same stores. */
export function isSingleProcess({ storage, workers }: Pick<Config, 'storage' | 'workers'>): boolean {
  return storage.metadata.driver === 'sqlite' && workers === 1;
}
