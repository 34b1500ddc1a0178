import { type Excess, QuotaRefusal } from '../../../storage/metadata/queries/steps/quotas.ts';
import { OciError } from '../../oci/errors.ts';

/** A push that a quota has no room for: 403 DENIED, with the figures in the message and, exactly, in the detail. */
export class QuotaExceeded extends OciError {
  constructor(excess: Excess) {
    const { rule, scope, kind, used, needed, limit } = excess;
    super('DENIED', {
      message: describe(excess),
      detail: { quota: rule, ...(scope === '' ? {} : { name: scope }), unit: kind, used, needed, limit },
      cause: new QuotaRefusal({ kind: 'exceeded', excess }),
    });
  }
}

function describe({ rule, scope, kind, used, needed, limit }: Excess): string {
  const quota = scope === '' ? `quota "${rule}"` : `quota "${rule}" of ${scope}`;
  if (kind === 'tags') return `${quota}: ${used} of ${limit} tags are used, and this needs ${needed} more`;
  const usage = `${quota}: ${formatBytes(used)} of ${formatBytes(limit)} are used`;
  // The size of an upload that begins is not known yet.
  return needed === 1 ? `${usage}, which leaves no room` : `${usage}, and this needs ${formatBytes(needed)} more`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Returns a size with at most two decimals, such as `19.98 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(2))} ${units[unit] ?? ''}`;
}
