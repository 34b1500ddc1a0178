import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { FillFailure } from '../../mirror/event-reporter.ts';
import type { Log } from '../../observability/log.ts';

/** A download that fails again and again makes one event in this time. */
const quietMilliseconds = 60_000;

/** Downloads whose last event is remembered. */
const mostRemembered = 1_000;

/**
 * Returns a function that records an event for a failed download, if a webhook wants it; undefined: none does. An event is lost
 * if the process ends before it is written.
 */
export function fillFailureRecorder(
  { webhooks }: Pick<Config, 'webhooks'>,
  { audit }: Pick<MetadataStore, 'audit'>,
  now: () => number,
  log: Pick<Log, 'warn'>,
): ((failure: FillFailure) => void) | undefined {
  if (!Object.values(webhooks.targets).some(({ events }) => events.includes('fill'))) return undefined;
  const recorded = new Map<string, number>();
  return ({ upstream, repository, digest, reason }) => {
    const at = now();
    if (at - (recorded.get(digest) ?? -Infinity) < quietMilliseconds) return;
    if (recorded.size >= mostRemembered) recorded.clear();
    recorded.set(digest, at);
    const detail = JSON.stringify({ upstream, digest, reason });
    const about = { actor: '', address: '', action: 'fill.failed', target: repository, result: 'refused' } as const;
    audit
      .record([{ at, ...about, detail }])
      .catch((error: unknown) => log.warn({ err: error }, 'an event about a failed download could not be recorded'));
  };
}
