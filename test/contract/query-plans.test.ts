import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { isKept, numbered } from '../../storage/metadata/postgres/drive.ts';
import { sessionSettings } from '../../storage/metadata/postgres/pool.ts';
import type { Row, Statement } from '../../storage/metadata/queries/steps/query.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { manyRows } from '../support/many-rows.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { protocolQueries } from '../support/protocol-queries.ts';
import { describeWith } from '../support/requires.ts';

const names = Object.keys(protocolQueries);

/** Gives the query the rows that `execute` finds, and what `explain` says against any of its statements. */
async function objections(
  name: string,
  explain: (statement: Statement) => Promise<readonly string[]>,
  execute: (statement: Statement) => Promise<readonly Row[]>,
): Promise<readonly string[]> {
  const query = protocolQueries[name]?.();
  const found: string[] = [];
  let step = query?.next([]);
  while (step?.done === false) {
    for (const objection of await explain(step.value)) found.push(`${objection}: ${step.value.sql}`);
    step = query?.next(await execute(step.value));
  }
  return found;
}

describe('SQLite uses indexes in a large registry', () => {
  let directory: string;
  let database: DatabaseSync;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-plans-'));
    const file = join(directory, 'metadata.sqlite');
    await (await createSqliteStore({ file })).close();
    database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
    // As in PostgreSQL, no triggers count the rows: they come with their counts.
    const triggers = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND (name LIKE 'catalog_%' OR name LIKE 'search_%')")
      .all();
    for (const { name } of triggers) database.exec(`DROP TRIGGER ${String(name)}`);
    for (const sql of manyRows) database.exec(sql);
  }, 600_000);
  afterAll(async () => {
    database.close();
    await rm(directory, { recursive: true });
  });

  /**
   * https://www.sqlite.org/eqp.html. An index is read from its beginning for a page, or where it is partial: has only what
   * is asked for. `few` is a name of rows that a limit within the statement makes few.
   */
  function explain({ sql, values }: Statement): Promise<readonly string[]> {
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
    const details = steps.map(({ detail }) => detail);
    const pages = sql.includes('LIMIT') ? /^SCAN \w+ USING (COVERING )?INDEX/ : /USING INDEX visibilities_by_wildcard/;
    return Promise.resolve(
      details.filter(
        (detail) => /^SCAN (?!CONSTANT ROW|\d+-ROW VALUES|few$)|USE TEMP B-TREE/.test(detail) && !pages.test(detail),
      ),
    );
  }

  test.each(names)('%s', async (name) => {
    database.exec('BEGIN');
    try {
      const execute = ({ sql, values }: Statement) => Promise.resolve(database.prepare(sql).all(...values) as readonly Row[]);
      expect(await objections(name, explain, execute)).toEqual([]);
    } finally {
      database.exec('ROLLBACK');
    }
  });

  test('the check finds a query that reads a whole table', async () => {
    expect(await explain({ sql: 'SELECT 1 FROM tags WHERE previous = ?', values: ['d'] })).not.toEqual([]);
    expect(await explain({ sql: 'SELECT 1 FROM tags WHERE repository_id = 1 ORDER BY previous', values: [] })).not.toEqual([]);
  });
});

/** One step of a plan as EXPLAIN (ANALYZE, FORMAT JSON) tells it; rows are an average over the loops. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Explanation {
  readonly 'QUERY PLAN': readonly { readonly Plan: PlanNode }[];
}

/** The largest page is 1,000. */
const mostRows = 2_000;

function objectionsTo(node: PlanNode): readonly string[] {
  const each = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const rows = each * node['Actual Loops'];
  const own = rows > mostRows ? [`${node['Node Type']} of ${node['Relation Name'] ?? '…'} goes through ${rows} rows`] : [];
  return [...own, ...(node.Plans ?? []).flatMap(objectionsTo)];
}

describeWith(postgresPrograms, 'PostgreSQL uses indexes in a large registry', () => {
  let database: Database;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    await (await createPostgresStore({ url: database.url, connections: 1 })).close();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('SET session_replication_role = replica');
    for (const sql of manyRows) await client.query(sql);
    await client.query('SET session_replication_role = DEFAULT');
    await client.query('VACUUM ANALYZE');
    await client.query(sessionSettings);
  }, 600_000);
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /**
   * Planned for these values, and for any: a connection changes to the second form when it keeps a statement and has seen
   * it often.
   */
  async function explain({ sql, values }: Statement): Promise<readonly string[]> {
    const literals = values.map((value) => (typeof value === 'string' ? pg.escapeLiteral(value) : String(value)));
    const call = literals.length > 0 ? `explained(${literals.join(', ')})` : 'explained';
    await client.query(`PREPARE explained AS ${numbered(sql)}`);
    const found: string[] = [];
    for (const mode of isKept(sql) ? ['force_custom_plan', 'force_generic_plan'] : ['force_custom_plan']) {
      await client.query(`SAVEPOINT before; SET LOCAL plan_cache_mode = ${mode}`);
      const { rows } = await client.query<Explanation>(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ${call}`);
      await client.query('ROLLBACK TO SAVEPOINT before');
      found.push(...rows.flatMap((row) => row['QUERY PLAN']).flatMap(({ Plan }) => objectionsTo(Plan)));
    }
    await client.query('DEALLOCATE explained');
    return found;
  }

  const execute = async ({ sql, values }: Statement) => (await client.query<Row>(numbered(sql), [...values])).rows;

  test.each(names)('%s', async (name) => {
    await client.query('BEGIN');
    try {
      expect(await objections(name, explain, execute)).toEqual([]);
    } finally {
      await client.query('ROLLBACK');
    }
  });

  test('the check finds a query that reads a whole table', async () => {
    await client.query('BEGIN');
    expect(await explain({ sql: 'SELECT 1 FROM tags WHERE previous = ?', values: ['d'] })).not.toEqual([]);
    expect(await explain({ sql: 'SELECT 1 FROM tags ORDER BY previous LIMIT 1', values: [] })).not.toEqual([]);
    await client.query('ROLLBACK');
  });
});
