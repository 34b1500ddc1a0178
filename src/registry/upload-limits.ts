import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import { type Chunk, announcedLength } from './append-chunk.ts';

/** Limits of uploads. Concurrent requests may exceed the numbers of unfinished sessions by a few. */
export interface UploadLimits {
  /** Unfinished sessions of one account, in modes with accounts. */
  readonly perAccount: number;
  /** Unfinished sessions of one client address. */
  readonly perAddress: number;
  /** Bytes of a blob; undefined: no limit. */
  readonly maxBytes?: number | undefined;
}

const retryAfterSeconds = 60;

/** Throws TOOMANYREQUESTS if `owner` or `address` has reached its limit. '' has no limit. */
export async function checkLimits(
  metadata: { readonly uploads: Pick<MetadataStore['uploads'], 'hasOwned' | 'hasFromAddress'> },
  limits: UploadLimits | undefined,
  owner: string,
  address: string,
): Promise<void> {
  if (!limits) return;
  if (owner !== '' && (await metadata.uploads.hasOwned(owner, limits.perAccount))) throw tooMany('account', limits.perAccount);
  if (address !== '' && (await metadata.uploads.hasFromAddress(address, limits.perAddress)))
    throw tooMany('address', limits.perAddress);
}

function tooMany(kind: 'account' | 'address', limit: number): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `this ${kind} has ${limit} unfinished uploads: finish or cancel some of them`,
    retryAfterSeconds,
  });
}

/**
 * Returns a chunk that an upload of `sizeBytes` may append. Throws SIZE_INVALID (413) if the blob becomes too large: at once if
 * the client has announced the length, else when the first byte too many arrives.
 */
export function withinSize(chunk: Chunk, sizeBytes: number, limits: UploadLimits | undefined): Chunk {
  const maxBytes = limits?.maxBytes;
  if (maxBytes === undefined) return chunk;
  if (sizeBytes + (announcedLength(chunk) ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return { ...chunk, body: countedBody(chunk.body, sizeBytes, maxBytes) };
}

async function* countedBody(body: Chunk['body'], sizeBytes: number, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = sizeBytes;
  for await (const bytes of body) {
    size += bytes.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield bytes;
  }
}

function tooLarge(maxBytes: number): OciError {
  return new OciError('SIZE_INVALID', { status: 413, message: `a blob has at most ${maxBytes} bytes here (uploads.maxSize)` });
}
