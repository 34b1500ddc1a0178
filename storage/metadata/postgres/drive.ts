import type { ClientBase, Pool } from 'pg';
import type { Query, Row, Statement } from '../query.ts';
import { asking } from './errors.ts';

/** A pool runs each statement on any of its connections, a client all on its own. */
export type Runner = Pick<ClientBase | Pool, 'query'>;

interface Translated {
  readonly text: string;
  /** Under this name a connection keeps the parsed and planned statement. */
  readonly name: string;
}

const translations = new Map<string, Translated>();

/** `?` → `$1`, `$2`, …; not within quotes. */
function translate(sql: string): Translated {
  let translated = translations.get(sql);
  if (!translated) {
    let count = 0;
    const text = sql.replaceAll(/'[^']*'|\?/g, (found) => (found === '?' ? `$${++count}` : found));
    translated = { text, name: `berth_${translations.size}` };
    translations.set(sql, translated);
  }
  return translated;
}

/** Long lists come in every length: kept, each would fill the server's memory for little. */
const mostPreparedValues = 16;

export async function execute(runner: Runner, { sql, values }: Statement): Promise<readonly Row[]> {
  const { text, name } = translate(sql);
  const question = { text, values: [...values], ...(values.length <= mostPreparedValues ? { name } : {}) };
  const { rows } = await asking(() => runner.query<Row>(question));
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
