import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';

/** How many unfinished upload sessions clients may have. Requests that come at once may exceed them by a few. */
export interface UploadLimits {
  /** Of one account, in modes with accounts. */
  readonly perAccount: number;
  /** From one address. */
  readonly perAddress: number;
}

const retryAfterSeconds = 60;

/** Throws TOOMANYREQUESTS when `owner` or `address` has as many unfinished sessions as it may. '' stands for none. */
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

function tooMany(whose: 'account' | 'address', limit: number): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `this ${whose} has ${limit} unfinished uploads: finish or cancel some of them`,
    retryAfterSeconds,
  });
}
