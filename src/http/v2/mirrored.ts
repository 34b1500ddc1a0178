import type { ServerResponse } from 'node:http';
import type { Served } from '../../mirror/served.ts';

/** Says how the mirror came by what it serves; `Warning: 110` as RFC 7234 had it, since clients show it. */
export function describeMirrored(response: ServerResponse, { cache, ageSeconds }: Served): void {
  response.setHeader('X-Mirror-Cache', cache);
  if (ageSeconds !== undefined) response.setHeader('Age', ageSeconds);
  if (cache === 'STALE') response.setHeader('Warning', '110 berth "Response is Stale"');
}
