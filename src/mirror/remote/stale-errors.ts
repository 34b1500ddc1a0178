import type { MirroredRepository } from '../names/routing.ts';
import { usesLogin } from '../../upstream/upstream.ts';
import { type UpstreamError, isOutage } from '../../upstream/upstream-error.ts';

/**
 * True if content that is here is served in spite of the error: the upstream cannot be asked now, or refuses berth's own
 * login, which says nothing about the content.
 */
export function isServedStale(error: UpstreamError, { upstream, remoteName }: MirroredRepository): boolean {
  return isOutage(error) || (error.code === 'denied' && usesLogin(upstream, remoteName));
}
