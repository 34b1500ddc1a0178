import type { Config } from '../../../config/schema.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import type { Log } from '../../observability/log.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { warnOfSharing } from '../registries/shared-logins.ts';
import { readUpstreams } from '../registries/upstream-settings.ts';
import type { Reloadable } from './reloader.ts';

/**
 * Lets the mirror take the upstreams of a new configuration. Those that have not changed keep their connections and circuits.
 */
export function reloadUpstreams(
  config: Config,
  mirror: Pick<Mirror, 'upstreams' | 'useUpstreams' | 'passedThrough'>,
  log: Pick<Log, 'warn'>,
): Reloadable {
  let used = config.mirror.upstreams;
  return {
    keys: ['mirror.upstreams'],
    async prepare(next) {
      const { upstreams } = next.mirror;
      const read = await readUpstreams(next);
      const isSame = (one: Upstream, { name, ca }: Upstream) =>
        one.name === name && one.ca === ca && JSON.stringify(used[name]) === JSON.stringify(upstreams[name]);
      const defined = read.map((upstream) => mirror.upstreams().find((one) => isSame(one, upstream)) ?? upstream);
      await mirror.passedThrough.record(defined);
      return () => {
        used = upstreams;
        mirror.useUpstreams(defined);
        if (next.access.mode === 'open') warnOfSharing(defined, log);
      };
    },
  };
}
