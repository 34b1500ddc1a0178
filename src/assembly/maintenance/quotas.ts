import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import type { QuotaRule } from '../../../storage/metadata/queries/quotas/rules.ts';
import type { Excess } from '../../../storage/metadata/queries/steps/quotas.ts';
import { type MetadataStore, MetadataError } from '../../../storage/metadata/store.ts';
import { yieldTrashToDisk } from '../../maintenance/quotas/disk-yield.ts';
import { type QuotaCounter, createQuotaCounter } from '../../maintenance/quotas/counter.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Log } from '../../observability/log.ts';
import { parsePattern } from '../../oci/patterns/repository-pattern.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { type Author, dated } from '../../registry/author.ts';
import { type Admission, createAdmission, noQuotas } from '../../registry/quotas/admission.ts';
import { QuotaExceeded } from '../../registry/quotas/quota-exceeded.ts';
import { diskOf } from './disk-space.ts';

export interface QuotaParts {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'quotas' | 'trash'>;
  /** Called after each change of content. */
  readonly changed: () => void;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** Quotas in a server. */
export interface Quotas {
  readonly admission: Admission;
  /** Counts for new rules; undefined without rules. */
  readonly count: (() => Promise<void>) | undefined;
  /** Lets the trash yield to a nearly full disk; undefined where blobs are not stored on a disk. */
  readonly yieldToDisk: (() => Promise<void>) | undefined;
}

/** Steps at start: a small registry is counted before the first push. */
const stepsAtStart = 200;

/** Makes the rules of the configuration those of the metadata store, and begins to count for new ones. */
export async function openQuotas(config: Config, parts: QuotaParts): Promise<Quotas> {
  const { metadata, now, log, metrics, changed, closing } = parts;
  const rules = readQuotaRules(config);
  const stored = await metadata.quotaRules.list();
  const isLimited = rules.length > 0;
  if (isLimited || stored.length > 0) await configure(metadata, rules);
  const counter = createQuotaCounter(metadata);
  if (isLimited) {
    await countAndReport(counter, parts, { maxSteps: stepsAtStart });
    metrics.quotas.watchCounting(() => metadata.quotaCounting.isNeeded());
  }
  const yielded = (manifests: number) => {
    metrics.trash.moved('purged', manifests);
    metrics.quotas.yielded(manifests);
  };
  const exceeded = reportExceeded(parts);
  const { driver, directory } = config.storage.blobs;
  return {
    admission: isLimited ? createAdmission({ metadata, now, events: { exceeded, yielded }, changed }) : noQuotas,
    count: isLimited || stored.length > 0 ? () => countAndReport(counter, parts, { signal: closing }) : undefined,
    yieldToDisk:
      driver === 'filesystem'
        ? () =>
            yieldTrashToDisk({
              metadata,
              measureDisk: diskOf(directory),
              now,
              onYielded(manifests) {
                log.warn({ manifests }, 'the disk is nearly full: the oldest manifests of the trash were deleted');
                yielded(manifests);
                changed();
              },
            })
        : undefined,
  };
}

/** Returns the admission of commands, which may add content beside a running server. */
export function openAdmission(config: Config, metadata: MetadataStore): Admission {
  const ignore = () => undefined;
  return config.quotas.length === 0
    ? noQuotas
    : createAdmission({ metadata, now: Date.now, events: { exceeded: ignore, yielded: ignore } });
}

async function configure(metadata: MetadataStore, rules: readonly QuotaRule[]): Promise<void> {
  try {
    await metadata.quotaRules.configure(rules);
  } catch (error) {
    // A read-only database serves pulls.
    if (!(error instanceof MetadataError)) throw error;
  }
}

async function countAndReport(
  counter: QuotaCounter,
  { log }: QuotaParts,
  options: Parameters<QuotaCounter['run']>[0],
): Promise<void> {
  for (const difference of await counter.run(options))
    log.warn(difference, 'the counters of a quota were wrong: they were corrected');
}

/** A client that repeats a refused push makes one event a minute. */
const eventMilliseconds = 60_000;
const maxRemembered = 10_000;

function reportExceeded({ metadata, now, log, metrics, changed }: QuotaParts) {
  const reported = new Map<string, number>();
  return (excess: Excess, repository: RepositoryName, author: Author | undefined): void => {
    const { rule, scope, kind, used, needed, limit } = excess;
    metrics.quotas.refused(rule);
    const key = `${excess.quotaId} ${kind}`;
    if (now() - (reported.get(key) ?? -Infinity) < eventMilliseconds) return;
    if (reported.size >= maxRemembered) reported.clear();
    reported.set(key, now());
    log.warn({ repository, ...excess }, new QuotaExceeded(excess).message);
    const detail = JSON.stringify({ quota: rule, name: scope, unit: kind, used, needed, limit });
    const event = {
      ...dated(author, now()),
      action: 'quota.exceeded',
      target: repository,
      result: 'refused',
      detail,
    } as const;
    metadata.audit.record([event]).then(changed, (error: unknown) => log.error({ err: error }, 'an event could not be recorded'));
  };
}

/** Reads `quotas`. Throws `ConfigError` with all errors. */
export function readQuotaRules(config: Config): readonly QuotaRule[] {
  const errors: string[] = [];
  const names = new Set<string>();
  const rules = config.quotas.map((written, index) => {
    const report = (key: string, message: string) =>
      errors.push(`quotas.${index}${key && `.${key}`} ${message}${whereRule(config, index, key)}`);
    const rule = readRule(written, report);
    if (names.has(rule.name)) report('name', `is also the name of another quota: ${rule.name}`);
    names.add(rule.name);
    return rule;
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return rules;
}

type Written = Config['quotas'][number];

function readRule({ name, match, per, size, tags }: Written, report: (key: string, message: string) => void): QuotaRule {
  if (match.length === 0) report('match', 'is missing: name repositories, such as "**" or team/**');
  for (const text of match) {
    const pattern = text.startsWith('!') ? text.slice(1) : text;
    if (!parsePattern(pattern))
      report('match', `must be NAME, PREFIX/* or PREFIX/**, or one with ! in front, not ${JSON.stringify(text)}`);
  }
  if (match.length > 0 && match.every((text) => text.startsWith('!')))
    report('match', 'has only exclusions (!), which select nothing: add a pattern of what to select');
  if (size === undefined && tags === undefined) report('', 'limits nothing: write size or tags');
  return { name: name || `${match.join(', ')} per ${per}`, match, per, maxBytes: size ?? null, maxTags: tags ?? null };
}

function whereRule(config: Config, index: number, key: string): string {
  const path = ['quotas', String(index)];
  return whereSet(config, [...path, key]) || whereSet(config, path) || whereSet(config, ['quotas']);
}
