import { createHash } from 'node:crypto';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { RetentionRules } from './rules.ts';

/** Notices of rules: a rule expires nothing before it was in force for a time, so that people see first what it would do. */
export interface Notices {
  /** A hash of everything that decisions depend on. */
  readonly rulesHash: string;
  /**
   * Records the rules in force. Restarts all notices if the rules were not in force for a day, or a clock cannot be trusted:
   * then the times that decisions depend on may be wrong. Resolves to false while this clock differs from the store's.
   */
  refresh(): Promise<boolean>;
  /** Resolves to when the notice of each rule ends, by its name, milliseconds since 1970. Writes nothing. */
  ends(): Promise<ReadonlyMap<string, number>>;
}

export interface NoticesOptions {
  readonly metadata: Pick<MetadataStore, 'retentionSchedule'>;
  readonly rules: RetentionRules;
  /** Accounts whose pulls do not count: a change of them changes decisions. */
  readonly ignoredAccounts: readonly string[];
  readonly noticeMilliseconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The clock of the metadata store, milliseconds since 1970. */
  readonly storeNow: () => Promise<number>;
  /** Called when notices begin anew. */
  readonly onRestart: (reason: string) => void;
}

const day = 86_400_000;
const hour = 3_600_000;
const maxClockDifference = 300_000;

export function createNotices(options: NoticesOptions): Notices {
  const { metadata, rules, noticeMilliseconds, now, storeNow, onRestart } = options;
  const { retentionSchedule } = metadata;
  const hashes = hashRules(rules, options.ignoredAccounts);

  /** Returns why the notices begin anew; undefined if they go on. */
  function restartReason(time: number, aliveAt: number | undefined): string | undefined {
    if (aliveAt !== undefined && time - aliveAt > day) return 'the rules were not in force for more than a day';
    if (aliveAt !== undefined && aliveAt - time > maxClockDifference) return 'the clock was set back';
    return undefined;
  }

  return {
    rulesHash: hashOf([...hashes.values()]),

    async refresh() {
      const time = now();
      const [state, known] = [await retentionSchedule.find(), await retentionSchedule.findRules()];
      const isTrusted = Math.abs((await storeNow()) - time) <= maxClockDifference;
      const reason = isTrusted
        ? restartReason(time, state?.aliveAt)
        : 'the clock differs from that of the metadata store by more than five minutes';
      const isChanged = known.size !== hashes.size || [...hashes.values()].some((hash) => !known.has(hash));
      if (reason !== undefined) onRestart(reason);
      if (reason !== undefined || isChanged) await retentionSchedule.setRules([...hashes.values()], time, reason !== undefined);
      else if (state && time - state.aliveAt >= hour) await retentionSchedule.beat(time);
      return isTrusted;
    },

    async ends() {
      const known = await retentionSchedule.findRules();
      const time = now();
      return new Map([...hashes].map(([name, hash]) => [name, (known.get(hash) ?? time) + noticeMilliseconds]));
    },
  };
}

/**
 * Returns a hash of each rule, by its name: of all that decides which tags it expires. That includes the rules before it: they
 * decide first.
 */
function hashRules(
  { timeZone, protect, immutable, rules }: RetentionRules,
  ignored: readonly string[],
): ReadonlyMap<string, string> {
  const texts = (selectors: readonly { readonly text: string; readonly isExclusion: boolean }[]) =>
    selectors.map(({ text }) => text);
  const common = [timeZone, texts(protect), texts(immutable), ignored];
  return new Map(
    rules.map((rule, index) => {
      const before = rules.slice(0, index).map(({ match }) => texts(match));
      return [rule.name, hashOf([common, before, { ...rule, match: texts(rule.match) }])];
    }),
  );
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
