/** Where the mirror found the content that it serves; the header `X-Mirror-Cache`. */
export type CacheStatus = 'HIT' | 'MISS' | 'JOIN' | 'STALE' | 'REVALIDATED';

/** Downloads of one upstream that waited long for a connection, since the last such event. */
export interface SlowWaits {
  readonly upstream: string;
  readonly downloads: number;
  readonly longestSeconds: number;
}

/** A download that ended without the blob. */
export interface FailedDownload {
  readonly upstream: string;
  /** The local name of the repository that has asked for it first. */
  readonly repository: string;
}

/** How a download of a blob ended. `abandoned`: its last client had gone. */
export type DownloadOutcome = 'done' | 'failed' | 'abandoned';

/** Events of the mirror that operators watch. Each is counted, logged, or both. */
export interface MirrorEvents {
  /** The mirror answered a client; `cache`: where the content came from. */
  served(upstream: string, kind: 'manifest' | 'blob', cache: CacheStatus): void;
  /** Bytes of a blob arrived. */
  received(upstream: string, bytes: number): void;
  /** A download of a blob went on after it had broken off. */
  resumed(upstream: string): void;
  /** Runs a download of a blob at once, and watches it. Resolves when it has ended. */
  watchDownload(upstream: string, digest: string, run: () => Promise<DownloadOutcome>): Promise<void>;
  /** A download ended without the blob. */
  downloadFailed(digest: string, error: unknown, place: FailedDownload): void;
  /** A download was ended because its last client had gone. */
  downloadAbandoned(): void;
  /** A blob was served and not kept. */
  notKept(): void;
  /** Content was evicted. */
  evicted(sizeBytes: number): void;
  evictionFailed(error: unknown): void;
  /** A download waited for a connection. */
  waited(upstream: string, seconds: number): void;
  /** Downloads waited long; called at most every ten seconds for each upstream. */
  waitedLong(waits: SlowWaits): void;
  /** An upstream refused a login that it had accepted, or that was not used before. `key`: its place in the configuration. */
  loginRefused(upstream: string, key: string): void;
  manifestNotStored(error: unknown): void;
  listingNotStored(error: unknown): void;
  visibilityNotRecorded(error: unknown): void;
  lastUsesNotRecorded(error: unknown): void;
}
