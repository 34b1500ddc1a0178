import type { ClientBase, Pool } from 'pg';
import type { Query, Row, Statement } from '../queries/steps/query.ts';
import { asking } from './errors.ts';

/** A pool runs each statement on any of its connections, a client all on its own. */
export type Runner = Pick<ClientBase | Pool, 'query'>;

interface Translated {
  readonly text: string;
  /** Under this name a connection keeps the parsed and planned statement. */
  readonly name?: string;
}

const translations = new Map<string, Translated>();

/** `?` → `$1`, `$2`, …; not within quotes. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll(/'[^']*'|\?/g, (found) => (found === '?' ? `$${++count}` : found));
}

/**
 * Whether connections keep the statement. Not one with a list: lists come in every length, and a plan for any values
 * reads a repository whole that is much larger than the average one.
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

/** The result of a query that has one statement or none; undefined where it has more. */
export async function driveOne<Result>(runner: Runner, query: Query<Result>): Promise<{ readonly result: Result } | undefined> {
  let step = query.next([]);
  if (!step.done) step = query.next(await execute(runner, step.value));
  return step.done ? { result: step.value } : undefined;
}
