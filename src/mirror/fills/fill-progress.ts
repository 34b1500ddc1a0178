import type { Digest } from '../../oci/digest.ts';

/** How far a download is. */
export interface FillProgress {
  readonly digest: Digest;
  /** A repository that asked for it. */
  readonly repository: string;
  /** Undefined until the upstream begins to send. */
  readonly sizeBytes: number | undefined;
  readonly receivedBytes: number;
  /** Requests of clients for it since it began. */
  readonly requests: number;
}

/** A download that has begun, or is about to. */
interface Started {
  readonly repositoryRefs: ReadonlyMap<string, unknown>;
  readonly requests: number;
  readonly fill?: { readonly keptBytes: number };
  readonly sizeBytes?: number;
}

export function progressOf(digest: Digest, { repositoryRefs, requests, fill, sizeBytes }: Started): FillProgress {
  const [repository = ''] = repositoryRefs.keys();
  return { digest, repository, sizeBytes, receivedBytes: fill?.keptBytes ?? 0, requests };
}
