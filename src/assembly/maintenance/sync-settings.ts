import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { type Upstreams, createUpstreams } from '../../upstream/upstream.ts';
import { readRegistries, readUpstreams } from '../registries/upstream-settings.ts';
import { type ReadEntry, readSyncEntries } from './sync-entries.ts';

/** Reads `sync` and `registries`. Rejects with `ConfigError` for entries, patterns and files that cannot be used. */
export async function readSync(
  config: Config,
): Promise<{ readonly registries: Upstreams; readonly entries: readonly ReadEntry[] }> {
  const own = await readRegistries(config);
  const mirrored = config.sync.length === 0 ? [] : await readUpstreams(config);
  const registries = createUpstreams([...mirrored.filter(({ name }) => !own.some((one) => one.name === name)), ...own]);
  const entries = readSyncEntries(config, (host) => registries.find(host)?.name);
  const unused = own.filter(({ name }) => !entries.some(({ registry }) => registry === name));
  if (unused.length > 0)
    throw new ConfigError(
      unused.map(({ name }) => `registries.${name} is in no entry of sync${whereSet(config, ['registries', name, 'url'])}`),
    );
  return { registries, entries };
}
