import type { Log } from '../../observability/log.ts';
import { type Upstream, hasLogins } from '../../upstream/upstream.ts';

/** Warns of upstreams whose private content every client of mode open can pull. */
export function warnOfSharing(upstreams: readonly Upstream[], log: Pick<Log, 'warn'>): void {
  const shared = upstreams.filter((upstream) => hasLogins(upstream) && upstream.passThrough !== true).map(({ name }) => name);
  if (shared.length === 0) return;
  log.warn(
    { upstreams: shared },
    'access.mode open: every client that reaches this server may pull what its logins at upstreams show',
  );
}
