import { type Query, type Row, all, first, read, run, write } from '../steps/query.ts';

/** The rules of quotas, as the configuration has them. */

/** What a rule counts together: each namespace (the first component of the name), each repository, or all repositories. */
export type QuotaScope = 'namespace' | 'repository' | 'all';

export interface QuotaRule {
  /** Unique. */
  readonly name: string;
  /** Patterns of repositories; those with ! in front exclude. */
  readonly match: readonly string[];
  readonly per: QuotaScope;
  /** Null: no limit. */
  readonly maxBytes: number | null;
  readonly maxTags: number | null;
}

/** `counting`: not enforced yet. `dropped`: its counters are being deleted. */
export type QuotaRuleState = 'counting' | 'counted' | 'dropped';

export interface StoredRule extends QuotaRule {
  readonly id: number;
  readonly state: QuotaRuleState;
  /** The rule that this one counts again, and that stays in force meanwhile. */
  readonly replaces: number | null;
}

/** Returns all rules that the store has, in the order in which they were configured. */
export const list = read(listRules);

export function* listRules(): Query<readonly StoredRule[]> {
  const rows = yield* all<Row>(
    `SELECT id AS "id", name AS "name", patterns AS "patterns", per AS "per", max_bytes AS "maxBytes", max_tags AS "maxTags",
            state AS "state", replaces AS "replaces" FROM quota_rules WHERE id > 0 ORDER BY id`,
  );
  return rows.map(({ patterns, ...rule }) => {
    const match = JSON.parse(String(patterns)) as readonly string[];
    return { ...(rule as unknown as Omit<StoredRule, 'match'>), match };
  });
}

/**
 * Makes `rules` the rules in force, for all processes. A rule with another name, other patterns or another scope is counted
 * before it is enforced; another limit is enforced at once.
 */
export const configure = write(function* (rules: readonly QuotaRule[]): Query<void> {
  const stored = (yield* listRules()).filter(({ state }) => state !== 'dropped');
  let hasNew = false;
  for (const rule of rules) {
    const same = stored.filter((one) => isSame(one, rule));
    for (const { id } of same) {
      yield* run('UPDATE quota_rules SET max_bytes = ?, max_tags = ? WHERE id = ?', rule.maxBytes, rule.maxTags, id);
    }
    if (same.length > 0) continue;
    yield* insertRule(rule, null);
    hasNew = true;
  }
  for (const one of stored) if (!rules.some((rule) => isSame(one, rule))) yield* dropRule(one.id);
  if (hasNew) yield* countAnew();
});

function isSame(one: QuotaRule, other: QuotaRule): boolean {
  return one.name === other.name && one.per === other.per && JSON.stringify(one.match) === JSON.stringify(other.match);
}

/** Counts everything again. The counters of today stay in force until the new ones are complete. */
export const recount = write(recountRules);

export function* recountRules(): Query<void> {
  const stored = (yield* listRules()).filter(({ state }) => state !== 'dropped');
  for (const rule of stored) {
    if (rule.state === 'counted') yield* insertRule(rule, rule.id);
    // A count that has not ended begins again; one that replaces a rule in force, with that rule.
    else {
      yield* dropRule(rule.id);
      if (rule.replaces === null) yield* insertRule(rule, null);
    }
  }
  yield* run('UPDATE quota_state SET is_stale = 0 WHERE id = 1');
  if (stored.length > 0) yield* countAnew();
}

function* insertRule({ name, match, per, maxBytes, maxTags }: QuotaRule, replaces: number | null): Query<void> {
  yield* run(
    `INSERT INTO quota_rules (name, patterns, per, max_bytes, max_tags, state, replaces) VALUES (?, ?, ?, ?, ?, 'counting', ?)`,
    name,
    JSON.stringify(match),
    per,
    maxBytes,
    maxTags,
    replaces,
  );
}

export function* dropRule(id: number): Query<void> {
  yield* run(`UPDATE quota_rules SET state = 'dropped', replaces = NULL WHERE id = ?`, id);
}

/** Makes every repository be looked at for the rules of today. */
function* countAnew(): Query<void> {
  yield* run('UPDATE quota_state SET version = version + 1, position = 0 WHERE id = 1');
}

export interface QuotaState {
  readonly version: number;
  /** Id of the last repository that was looked at for this version. */
  readonly position: number;
  readonly isStale: number;
}

export function* findState(): Query<QuotaState> {
  const state = yield* first<QuotaState>(
    'SELECT version AS "version", position AS "position", is_stale AS "isStale" FROM quota_state WHERE id = 1',
  );
  if (!state) throw new Error('the row of quotas is missing');
  return state;
}
