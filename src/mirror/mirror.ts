import type { Trash } from '../content/trash.ts';
import type { OpenObject } from '../../storage/blobs/driver.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { MirroredRepository, Routing } from './names/routing.ts';
import type { BlobLookup, ManifestLookup } from './remote/lookup-result.ts';
import type { RemotePage, RemoteReferrer } from './remote/remote-listings.ts';
import type { FillProgress } from './fills/fill-progress.ts';
import type { RemoteSearch } from './remote/remote-search.ts';
import type { MirrorState } from '../observability/mirror-metrics.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { PassedThrough } from './visibility/passed-through.ts';
import type { PassThrough } from './visibility/pass-through.ts';
import type { UpstreamVisibility } from './visibility/upstream-visibility.ts';

/** The part of the mirror for background jobs: neither last-use times nor client metrics are updated. */
export interface BackgroundMirror {
  /** Finds the mirrored repository of a request; `undefined` for berth's own. Throws NAME_UNKNOWN, NAME_INVALID. */
  readonly locate: Routing;
  manifest(source: MirroredRepository, reference: Reference, bodyWanted: boolean): Promise<ManifestLookup>;
  blob(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup>;
  /** Has the blob kept at its next request, however large it is. */
  markWanted(digest: Digest): Promise<void>;
}

/** Content of upstreams, served as if it were stored here. Errors are in the form that the client may read. */
export interface Mirror extends BackgroundMirror {
  readonly background: BackgroundMirror;
  /** True if a path's part before `/v2` names an upstream, or can mean nothing else. */
  isPrefix(text: string): boolean;
  /** Tells background jobs whether clients need the upstream for themselves. */
  pressure(source: MirroredRepository): Pressure;
  tags(source: MirroredRepository, query: URLSearchParams): Promise<RemotePage<string>>;
  referrers(source: MirroredRepository, subject: Digest, query: URLSearchParams): Promise<RemotePage<RemoteReferrer>>;
  readonly visibility: UpstreamVisibility;
  readonly passThrough: PassThrough;
  readonly passedThrough: PassedThrough;
  /** The search of the upstreams that have one. */
  readonly search: Pick<RemoteSearch, 'find'>;
  /** Returns the upstreams in the order of the configuration. A reload replaces them. */
  upstreams(): readonly Upstream[];
  /**
   * Replaces the upstreams. Requests and downloads in progress end with the definitions that they began with; an upstream whose
   * object is in both lists keeps its connections, tokens and circuits. What was fetched from a removed upstream stays stored.
   */
  useUpstreams(next: readonly Upstream[]): void;
  /** Returns the numbers for metrics. */
  state(): MirrorState;
  /** Sends one small request to an upstream, which counts as no pull. Rejects `UpstreamError`, or NAME_UNKNOWN. */
  probe(upstream: string): Promise<void>;
  /** Lists the downloads of this process. */
  fills(): readonly (FillProgress & { readonly upstream: string })[];
  /** Deletes mirrored content, with the tags that need it. False if a client of this process reads it. */
  evict(digest: Digest): Promise<boolean>;
  /** Returns the stored blob's opened object, protected from eviction until it is closed. */
  inUse(digest: Digest, object: OpenObject): OpenObject;
  /** Forgets stored content whose bytes are missing: the next lookup fetches it again. */
  lost(digest: Digest): Promise<void>;
  /** Evicts for a push of `bytes` where the disk is nearly full. See `Eviction.makeRoom`. */
  makeRoom(bytes: number): Promise<void>;
  /** Releases reservations of a crashed process; only before this process serves, and if no other one shares the stores. */
  recover(): Promise<void>;
  /** Where deleted content of this process waits for a moment. */
  readonly trash: Pick<Trash, 'deleteIf'>;
  /** Deletes content that was evicted more than two seconds ago. To be called every second or so. */
  emptyTrash(): Promise<void>;
  /** Regular work of each process: writes last uses, measures the content, deletes files of broken downloads. */
  tidy(): Promise<void>;
  /** Regular work of one process for all: evicts content above the limit, releases expired reservations. */
  tidyStores(): Promise<void>;
  /** Stops all downloads; their bytes are kept, and later downloads resume them. */
  close(): Promise<void>;
}

/** `busy`: many downloads run now. `scarce`: the upstream allows few more pulls. */
export type Pressure = 'none' | 'busy' | 'scarce';
