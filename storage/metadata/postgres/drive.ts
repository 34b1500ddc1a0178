import type { ClientBase, Pool } from 'pg';
import type { Query, Row, Statement } from '../queries/steps/query.ts';
import { asking } from './errors.ts';

/** Runs statements: a pool on any of its connections, a client on its own one. */
export type Runner = Pick<ClientBase | Pool, 'query'>;

interface Translated {
  readonly text: string;
  /** The name by which a connection keeps the prepared statement; none: it does not keep it. */
  readonly name?: string;
}

const translations = new Map<string, Translated>();

/** Replaces `?` by `$1`, `$2`, …, except within quotes. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll(/'[^']*'|\?/g, (found) => (found === '?' ? `$${++count}` : found));
}

/**
 * True if connections shall keep the statement. Not one with a list: the statement differs for each length, and a plan for any
 * values reads all of a repository that is much larger than the average one.
 */
export function isKept(sql: string): boolean {
  return !sql.includes(' IN (?') && !sql.includes('), (?');
}

function translate(sql: string): Translated {
  let translated = translations.get(sql);
  if (!translated) {
    translated = { text: numbered(sql), ...(isKept(sql) ? { name: `berth_${translations.size}` } : {}) };
    translations.set(sql, translated);
  }
  return translated;
}

/** Runs one statement. Throws as `asking` does. */
export async function execute(runner: Runner, { sql, values }: Statement): Promise<readonly Row[]> {
  const { rows } = await asking(() => runner.query<Row>({ ...translate(sql), values: [...values] }));
  return rows;
}

/** Runs the query to its end, statement by statement. */
export async function drive<Result>(runner: Runner, query: Query<Result>): Promise<Result> {
  let step = query.next([]);
  while (!step.done) step = query.next(await execute(runner, step.value));
  return step.value;
}

/** Runs a query that has at most one statement, and returns its result; undefined if it has more. */
export async function driveOne<Result>(runner: Runner, query: Query<Result>): Promise<{ readonly result: Result } | undefined> {
  let step = query.next([]);
  if (!step.done) step = query.next(await execute(runner, step.value));
  return step.done ? { result: step.value } : undefined;
}
