import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';

/** Largest numbers of unfinished upload sessions. Concurrent requests may exceed them by a few. */
export interface UploadLimits {
  /** Limit of one account, in modes with accounts. */
  readonly perAccount: number;
  /** Limit of one client address. */
  readonly perAddress: number;
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
