import type { ServerResponse } from 'node:http';
import type { CacheStatus, LookupResult } from '../../mirror/remote/lookup-result.ts';

/** What a response has to do with an upstream. */
export interface MirrorOutcome {
  readonly upstream: string;
  /** Undefined where nothing could be served. */
  readonly cache?: CacheStatus;
}

const outcomes = new WeakMap<ServerResponse, MirrorOutcome>();

/** Undefined for a response that has nothing to do with an upstream. */
export function mirrorOutcome(response: ServerResponse): MirrorOutcome | undefined {
  return outcomes.get(response);
}

/** Names the upstream of the repository in the response and in its log line. */
export function nameUpstream(response: ServerResponse, upstream: string): void {
  response.setHeader('OCI-Namespace', upstream);
  outcomes.set(response, { upstream });
}

/** Says how the mirror came by what it serves; `Warning: 110` as RFC 7234 had it, since clients show it. */
export function describeMirrored(response: ServerResponse, { cache, ageSeconds }: LookupResult): void {
  response.setHeader('X-Mirror-Cache', cache);
  if (ageSeconds !== undefined) response.setHeader('Age', ageSeconds);
  if (cache === 'STALE') response.setHeader('Warning', '110 berth "Response is Stale"');
  outcomes.set(response, { upstream: outcomes.get(response)?.upstream ?? '', cache });
}
