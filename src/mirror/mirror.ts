import type { OpenObject } from '../../storage/blobs/driver.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import type { MirroredRepository, Routing } from './names/routing.ts';
import type { BlobLookup, ManifestLookup } from './remote/lookup-result.ts';
import type { RemotePage, RemoteReferrer } from './remote/remote-listings.ts';
import type { RemoteSearch } from './remote/remote-search.ts';
import type { OpenCircuits } from './upstream/circuits.ts';
import type { PassThrough } from './visibility/pass-through.ts';
import type { UpstreamVisibility } from './visibility/upstream-visibility.ts';

/** What upstreams have, as if it lay here. Failures are what the client may read. */
export interface Mirror {
  /** Where a request leads. `undefined`: to a repository of our own. Throws NAME_UNKNOWN, NAME_INVALID. */
  readonly locate: Routing;
  /** Whether a path's part before `/v2` names an upstream, or could only have been meant to. */
  isPrefix(text: string): boolean;
  manifest(source: MirroredRepository, reference: Reference, bodyWanted: boolean): Promise<ManifestLookup>;
  blob(source: MirroredRepository, digest: Digest, bodyWanted: boolean): Promise<BlobLookup>;
  /** The next request for the blob has it kept, however large it is. */
  want(digest: Digest): Promise<void>;
  /** The same on behalf of nobody: it is no use, and nothing that clients got. */
  readonly unattended: Pick<Mirror, 'locate' | 'manifest' | 'blob' | 'want'>;
  /** Whether clients need the upstream for themselves. */
  pressure(source: MirroredRepository): Pressure;
  tags(source: MirroredRepository, query: URLSearchParams): Promise<RemotePage<string>>;
  referrers(source: MirroredRepository, subject: Digest, query: URLSearchParams): Promise<RemotePage<RemoteReferrer>>;
  readonly visibility: UpstreamVisibility;
  readonly passThrough: PassThrough;
  /** What the upstreams' own searches find, where they shall be asked. */
  readonly search: Pick<RemoteSearch, 'find'>;
  /** For who watches it. */
  state(): MirrorState;
  /** A kept blob that was opened to be read: until it is closed it is not evicted. */
  inUse(digest: Digest, object: OpenObject): OpenObject;
  /** What was served as kept has no bytes: the next look fetches it again. */
  lost(digest: Digest): Promise<void>;
  /** Evicts for a push of `bytes` where the disk is nearly full. See `Eviction.makeRoom`. */
  makeRoom(bytes: number): Promise<void>;
  /** Ends what a crash has left, before this process serves; only where no other process shares the stores. */
  recover(): Promise<void>;
  /** Work of every moment: deletes what was evicted two seconds ago. */
  emptyTrash(): Promise<void>;
  /** Regular work of each process: writes last uses, looks how much there is, removes what broken fills left. */
  tidy(): Promise<void>;
  /** Regular work that one process does for all: evicts what is too much, ends what takes too long. */
  tidyStores(): Promise<void>;
  /** Stops fills: what they have is kept and resumed. */
  close(): Promise<void>;
}

/** `busy`: so much is being fetched now. `scarce`: so little may still be pulled, as the upstream says. */
export type Pressure = 'none' | 'busy' | 'scarce';

export interface MirrorState {
  /** In this process. */
  readonly fills: number;
  /** Bytes of those downloads that are not stored yet. */
  readonly fillBytes: number;
  readonly sizeBytes: number;
  readonly limits: readonly { readonly upstream: string; readonly limit: number; readonly remaining: number }[];
  /** How many logins of an upstream are refused now. */
  readonly refusedLogins: readonly { readonly upstream: string; readonly count: number }[];
  /** Connections for downloads, and downloads that wait for one. */
  readonly connections: readonly { readonly upstream: string; readonly inUse: number; readonly waiting: number }[];
  /** How many circuit breakers are open: of the whole upstream, of single logins, of single repositories. */
  readonly circuits: readonly ({ readonly upstream: string } & OpenCircuits)[];
}
