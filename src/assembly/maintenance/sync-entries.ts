import { InvalidValue } from '../../../config/invalid-value.ts';
import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { parseTimeOfDay } from '../../maintenance/retention/time-of-day.ts';
import { isTimeZone } from '../../maintenance/retention/time-zone.ts';
import type { Schedule } from '../../maintenance/retention/schedule.ts';
import type { SyncEntry, TagChoice } from '../../maintenance/sync/entry.ts';
import { notPlatforms } from '../../mirror/images/platforms.ts';
import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { parseTagPattern } from '../../oci/patterns/tag-pattern.ts';

/** An entry of `sync` with the registry at its other side. */
export interface ReadEntry {
  readonly entry: SyncEntry;
  /** Name of the registry in `registries` or `mirror.upstreams`. */
  readonly registry: string;
  /** `in`: from that registry into this one. */
  readonly direction: 'in' | 'out';
  /** File with the names of repositories. */
  readonly repositoriesFile: string | undefined;
}

type Written = Config['sync'][number];

/** Records an error about a key of the entry. */
type Report = (key: keyof Written, message: string) => void;

/** Finds the configured name of a registry; undefined for other hosts. */
export type FindRegistry = (host: string) => string | undefined;

const defaultSeconds = 3600;
const leastSeconds = 60;
const mostSeconds = 86_400;

/** Reads `sync`. Throws `ConfigError` with all errors. */
export function readSyncEntries(config: Config, findRegistry: FindRegistry): readonly ReadEntry[] {
  const errors: string[] = [];
  const names = new Set<string>();
  const entries = config.sync.flatMap((written, index) => {
    const report: Report = (key, message) => {
      errors.push(`sync[${index}].${key} ${message}${whereEntry(config, index, key)}`);
    };
    try {
      if (names.has(written.name)) report('name', `${written.name} is used twice`);
      names.add(written.name);
      return readEntry(written, findRegistry, report) ?? [];
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      return [];
    }
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return entries;
}

/** Returns where the key was set, or else its entry. */
function whereEntry(config: Config, index: number, key: string): string {
  const path = ['sync', String(index)];
  return whereSet(config, [...path, key]) || whereSet(config, path);
}

function readEntry(written: Written, findRegistry: FindRegistry, report: Report): ReadEntry | undefined {
  const [from, to] = [readPlace(written.from, findRegistry), readPlace(written.to, findRegistry)];
  const tags = readTags(written, report);
  const schedule = readSchedule(written, report);
  checkValues(written, from, to, report);
  const registry = from.registry ?? to.registry;
  if (!from.pattern || !to.pattern || registry === undefined || !tags || !schedule) return undefined;
  const entry: SyncEntry = {
    name: written.name,
    from: from.pattern,
    to: to.pattern,
    tags,
    platforms: written.platforms.length === 0 || written.platforms.includes('all') ? undefined : written.platforms,
    withReferrers: written.referrers,
    deletions: written.deletions,
    schedule,
    bytesPerSecond: written.bandwidth === 0 ? undefined : written.bandwidth,
  };
  const direction = from.registry === undefined ? 'out' : 'in';
  return { entry, registry, direction, repositoriesFile: written.repositories };
}

function checkValues(
  { name, platforms, deletions, repositories, ...written }: Written,
  from: Place,
  to: Place,
  report: Report,
): void {
  if (!/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name))
    report('name', `must be lower-case letters, digits, ".", "_" and "-", not ${JSON.stringify(name)}`);
  const [wrong] = notPlatforms(platforms);
  if (wrong !== undefined) report('platforms', `has ${wrong}, which is not a platform, such as linux/amd64 or linux/arm64/v8`);
  if (!from.pattern) report('from', placeForm(written.from));
  if (!to.pattern) report('to', placeForm(written.to));
  if ((from.registry === undefined) === (to.registry === undefined))
    report('from', 'or to must begin with a registry of mirror.upstreams or registries, and not both');
  else if (from.registry === undefined) {
    if (deletions === 'trash') report('deletions', 'trash is for copies into this registry: another registry has no trash');
    if (repositories !== undefined) report('repositories', 'is for copies into this registry, which knows its own repositories');
  }
  if (from.pattern && to.pattern && from.pattern.kind !== to.pattern.kind)
    report('to', `must have the same wildcard as from: ${written.from} is copied to ${written.to}`);
}

function placeForm(text: string): string {
  return `must be a pattern of repositories, such as ghcr.io/acme/** or team/**, not ${JSON.stringify(text)}`;
}

interface Place {
  readonly registry: string | undefined;
  readonly pattern: Pattern | undefined;
}

function readPlace(text: string, findRegistry: FindRegistry): Place {
  const slash = text.indexOf('/');
  const registry = slash < 0 ? undefined : findRegistry(text.slice(0, slash));
  return { registry, pattern: parsePattern(registry === undefined ? text : text.slice(slash + 1)) };
}

function readTags({ tags, newest }: Written, report: Report): TagChoice | undefined {
  const all = tags.some((text) => !text.startsWith('!')) ? tags : ['*', ...tags];
  const read = all.map((text) => {
    const isExclusion = text.startsWith('!');
    return { text, isExclusion, pattern: parseTagPattern(isExclusion ? text.slice(1) : text) };
  });
  const wrong = read.find(({ pattern }) => !pattern || pattern.kind === 'untagged');
  if (wrong) report('tags', `has ${wrong.text}, which is not a pattern of tags`);
  if (wrong) return undefined;
  const patternsOf = (isExclusion: boolean) =>
    read.flatMap((one) => (one.isExclusion === isExclusion ? (one.pattern ?? []) : []));
  return { included: patternsOf(false), excluded: patternsOf(true), newest };
}

function readSchedule({ at, every, timezone }: Written, report: Report): Schedule | undefined {
  const seconds = every ?? defaultSeconds;
  const minutes = parseTimeOfDay(at ?? '00:00');
  if (!isTimeZone(timezone)) report('timezone', `must be a time zone such as Europe/Berlin, not ${timezone}`);
  else if (at !== undefined && every !== undefined) report('every', 'and at exclude each other');
  else if (minutes === undefined) report('at', `must be a time of day such as 03:00, not ${at ?? ''}`);
  else if (seconds < leastSeconds || seconds > mostSeconds) report('every', 'must be from 1m to 1d');
  else
    return at === undefined ? { kind: 'interval', milliseconds: seconds * 1000 } : { kind: 'daily', minutes, timeZone: timezone };
  return undefined;
}
