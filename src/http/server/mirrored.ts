import type { ServerResponse } from 'node:http';
import type { CacheStatus, LookupResult } from '../../mirror/remote/lookup-result.ts';

/** How a response used an upstream. */
export interface MirrorOutcome {
  readonly upstream: string;
  /** Undefined if nothing was served. */
  readonly cache?: CacheStatus;
}

const outcomes = new WeakMap<ServerResponse, MirrorOutcome>();

/** Returns how a response used an upstream; undefined if it used none. */
export function mirrorOutcome(response: ServerResponse): MirrorOutcome | undefined {
  return outcomes.get(response);
}

/** Names the upstream of the repository in the response and in its log line. */
export function nameUpstream(response: ServerResponse, upstream: string): void {
  response.setHeader('OCI-Namespace', upstream);
  outcomes.set(response, { upstream });
}

/**
 * Sets the headers that tell how the mirror got the content; `Warning: 110` of RFC 7234, since clients show it. Content by
 * its digest has the age 0: its digest validates it, and no later answer of the upstream can differ.
 */
export function describeMirrored(response: ServerResponse, { cache, ageSeconds = 0 }: LookupResult): void {
  response.setHeader('X-Mirror-Cache', cache);
  response.setHeader('Age', ageSeconds);
  if (cache === 'STALE') response.setHeader('Warning', '110 berth "Response is Stale"');
  outcomes.set(response, { upstream: outcomes.get(response)?.upstream ?? '', cache });
}
