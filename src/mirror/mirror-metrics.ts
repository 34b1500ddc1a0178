import type { CacheStatus } from './remote/lookup-result.ts';

/** The mirror's counters. */
export interface MirrorMetrics {
  served(upstream: string, kind: 'manifest' | 'blob', cache: CacheStatus): void;
  received(upstream: string, bytes: number): void;
  /** A download waited for a connection. */
  waited(upstream: string, seconds: number): void;
  resumed(upstream: string): void;
  mismatched(): void;
  evicted(bytes: number): void;
  /** A blob was served and not kept. */
  notKept(): void;
  /** An image of `mirror.refresh` was refreshed, put off, or failed. */
  refreshed(result: 'done' | 'put off' | 'failed'): void;
  /** A download was ended because its last client had gone. */
  abandoned(): void;
}
