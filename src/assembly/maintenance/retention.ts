import { InvalidValue } from '../../../config/invalid-value.ts';
import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { parseTimeOfDay } from '../../maintenance/retention/time-of-day.ts';
import { createImageTimes } from '../../maintenance/retention/image-times.ts';
import {
  type RuleErrors,
  type WrittenRule,
  checkNames,
  readRule,
  readSelectors,
  readTimeZone,
} from '../../maintenance/retention/read-rules.ts';
import { type Retention, type RetentionEvents, createRetention } from '../../maintenance/retention/retention.ts';
import type { RetentionRules, Rule } from '../../maintenance/retention/rules.ts';
import type { Schedule } from '../../maintenance/retention/schedule.ts';
import type { Log } from '../../observability/log.ts';
import type { RetentionMetrics } from '../../observability/retention-metrics.ts';
import { parseStoreClock } from '../../maintenance/retention/store-clock.ts';
import { readImmutableTags } from './deletion-settings.ts';

const day = 86_400_000;
const defaultInterval = 3_600_000;

export interface RetentionParts {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  readonly events: RetentionEvents;
}

/** Returns events that are logged and counted. */
export function reportRetention(log: Log, metrics: RetentionMetrics): RetentionEvents {
  return {
    expired: metrics.expired,
    setWaiting: metrics.setWaiting,
    planWaits: ({ id, reason, items }) =>
      log.warn(
        { plan: id, items, reason },
        'a plan of retention waits: berth retention preview --plan, berth retention approve PLAN',
      ),
    noticesRestarted: (reason) => log.warn({ reason }, 'the notices of the rules of retention begin anew'),
  };
}

/** For commands, which expire nothing. */
export const noRetentionEvents: RetentionEvents = {
  expired: () => undefined,
  setWaiting: () => undefined,
  planWaits: () => undefined,
  noticesRestarted: () => undefined,
};

/** Creates retention as the configuration has it. Throws `ConfigError` with all errors of the rules. */
export function openRetention(config: Config, { driver, metadata, now, events }: RetentionParts): Retention {
  const { notice, brake, ignorePullsBy } = config.retention;
  return createRetention({
    metadata,
    imageTimes: createImageTimes(driver),
    rules: { ...readRetentionRules(config), immutable: readImmutableTags(config) },
    ignoredAccounts: ignorePullsBy,
    schedule: readSchedule(config),
    noticeMilliseconds: notice * 1000,
    brake,
    windowMilliseconds: config.trash.window * 1000,
    now,
    storeNow: async () => parseStoreClock(await metadata.retentionSchedule.readClock()),
    events,
  });
}

/** Reads the rules, `protect` and the time zone. Throws `ConfigError` with all errors. */
export function readRetentionRules(config: Config): Omit<RetentionRules, 'immutable'> {
  const context: RuleErrors = { errors: [], where: (path) => whereRule(config, path) };
  const { retention } = config;
  const read = {
    timeZone: readTimeZone(retention.timezone, ['retention', 'timezone'], context),
    protect: readSelectors(retention.protect, ['retention', 'protect'], context),
    rules: readEachRule(retention.rules, context),
  };
  checkTimes(config, context);
  if (context.errors.length > 0) throw new ConfigError(context.errors);
  return read;
}

/** Leaves out rules with invalid values: their errors are reported already. */
function readEachRule(written: readonly WrittenRule[], context: RuleErrors): readonly Rule[] {
  const path = ['retention', 'rules'];
  const names: string[] = [];
  const rules = written.flatMap((rule, index) => {
    try {
      names[index] = rule.name;
      return readRule(rule, [...path, index], context);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      return [];
    }
  });
  checkNames(names, path, context);
  if (rules.length < written.length && context.errors.length === 0) throw new InvalidValue('retention.rules');
  return rules;
}

/** Returns where the key was set, or the next one above it. */
function whereRule(config: Config, path: readonly (string | number)[]): string {
  const names = path.map(String);
  for (let length = names.length; length > 1; length--) {
    const where = whereSet(config, names.slice(0, length));
    if (where !== '') return where;
  }
  return '';
}

function checkTimes({ retention: { at, every } }: Config, { errors, where }: RuleErrors): void {
  if (at !== undefined && parseTimeOfDay(at) === undefined)
    errors.push(`retention.at must be a time of day such as 03:00, not ${at}${where(['retention', 'at'])}`);
  if (at !== undefined && every !== undefined)
    errors.push(`retention.at and retention.every exclude each other${where(['retention', 'every'])}`);
  if (every !== undefined && (every < 60 || every > day / 1000))
    errors.push(`retention.every must be from 1m to 1d${where(['retention', 'every'])}`);
}

function readSchedule({ retention: { at, every, timezone } }: Config): Schedule {
  const minutes = at === undefined ? undefined : parseTimeOfDay(at);
  if (minutes !== undefined) return { kind: 'daily', minutes, timeZone: timezone };
  return { kind: 'interval', milliseconds: every === undefined ? defaultInterval : every * 1000 };
}
