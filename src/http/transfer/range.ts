import type { ByteRange } from '../../../storage/blobs/driver.ts';

/** A parsed `Range` header (RFC 9110, section 14). */
export type RequestedRange =
  /** The whole object: there is no range, or one of an unknown unit. */
  | { readonly kind: 'whole' }
  /** Ranges within the object, in the client's order, that do not overlap. */
  | { readonly kind: 'parts'; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  | { readonly kind: 'unsatisfiable' };

/** More ranges than this are an attack or a mistake: the whole object is cheaper. */
const maxRanges = 64;

const whole: RequestedRange = { kind: 'whole' };
const unsatisfiable: RequestedRange = { kind: 'unsatisfiable' };

/** Parses a `Range` header. Ignores units other than bytes, as the RFC requires; a malformed range is unsatisfiable. */
export function parseRange(header: string | undefined, sizeBytes: number): RequestedRange {
  if (header === undefined || !/^bytes\s*=/i.test(header)) return whole;
  const specs = header
    .slice(header.indexOf('=') + 1)
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length > maxRanges) return whole;
  const parsed = specs.map((spec) => parseSpec(spec, sizeBytes));
  if (parsed.includes('malformed')) return unsatisfiable;
  const [first, ...rest] = parsed.filter((range) => typeof range === 'object');
  if (!first) return unsatisfiable;
  return overlapping([first, ...rest]) ? whole : { kind: 'parts', ranges: [first, ...rest] };
}

function parseSpec(spec: string, sizeBytes: number): ByteRange | 'malformed' | 'beyond' {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  if (!match || spec === '-') return 'malformed';
  const [, first = '', last = ''] = match;
  if (first === '') {
    const suffix = Math.min(Number(last), sizeBytes);
    return suffix === 0 ? 'beyond' : { first: sizeBytes - suffix, last: sizeBytes - 1 };
  }
  if (last !== '' && Number(last) < Number(first)) return 'malformed';
  if (Number(first) >= sizeBytes) return 'beyond';
  return { first: Number(first), last: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
}

/** True if ranges overlap. "A server … MAY … reject or coalesce" them; berth sends the whole object. */
function overlapping(ranges: readonly ByteRange[]): boolean {
  const sorted = [...ranges].sort((one, other) => one.first - other.first);
  return sorted.some((range, index) => index > 0 && range.first <= (sorted[index - 1]?.last ?? -1));
}

export function lengthOf({ first, last }: ByteRange): number {
  return last - first + 1;
}
